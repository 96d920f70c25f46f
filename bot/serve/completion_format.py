"""Answers in the form of OpenAI's API."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bot.serve.turn_reply import Completed

DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": thinking\n\n"
"""A comment, which clients ignore."""


@dataclass(frozen=True, slots=True)
class CompletionFormat:
    """The answer to one request."""

    id: str
    model: str
    usage: bool
    """The stream ends with the usage."""
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(self, end: Completed) -> dict[str, Any]:
        """Return the answer to a request without a stream."""
        message = {"role": "assistant", "content": end.text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _reason(end)}
        return {**self._envelope("chat.completion"), "choices": [choice], "usage": _usage(end)}

    def begin(self) -> bytes:
        """Return the first event, which goes out before the model is asked."""
        return self._chunk({"role": "assistant", "content": ""})

    def piece(self, text: str) -> bytes:
        """Return more of the answer."""
        return self._chunk({"content": text})

    def end(self, end: Completed) -> Iterator[bytes]:
        """Yield the last events."""
        yield self._chunk({}, _reason(end))
        if self.usage:
            yield _event({**self._envelope("chat.completion.chunk"), "choices": [], "usage": _usage(end)})
        yield DONE

    def _chunk(self, delta: dict[str, str], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        envelope = self._envelope("chat.completion.chunk") | ({"usage": None} if self.usage else {})
        return _event({**envelope, "choices": [choice]})

    def _envelope(self, kind: str) -> dict[str, Any]:
        return {"id": f"chatcmpl-{self.id}", "object": kind, "created": self.created, "model": self.model}


def error_body(message: str, status: int, code: str = "", param: str = "") -> dict[str, Any]:
    """Return an error."""
    kinds = {401: "authentication_error", 404: "not_found_error"}
    kind = kinds.get(status, "invalid_request_error" if status < 500 else "server_error")  # noqa: PLR2004 - server errors
    return {"error": {"message": message, "type": kind, "param": param or None, "code": code or None}}


def error_event(body: dict[str, Any]) -> bytes:
    """Return an error in a stream that has begun."""
    return _event(body)


def model_list(names: dict[str, str], created: int) -> dict[str, Any]:
    """Return the list of models."""
    models = [model_entry(name, created) for name in names]
    return {"object": "list", "data": models}


def model_entry(name: str, created: int) -> dict[str, Any]:
    """Return one model of the list."""
    return {"id": name, "object": "model", "created": created, "owned_by": "goat"}


def _usage(end: Completed) -> dict[str, int]:
    total = end.prompt_tokens + end.reply_tokens
    return {
        "prompt_tokens": end.prompt_tokens,
        "completion_tokens": end.reply_tokens,
        "total_tokens": total,
    }


def _reason(end: Completed) -> str:
    return "stop" if end.whole else "length"


def _event(value: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(value)}\n\n".encode()
