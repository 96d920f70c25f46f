"""A turn's events as the text of an answer, and answers in the form of OpenAI's API."""

import json
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AnyMessage

from bot.presentation.approval_question import escape, shown_call
from bot.serve.chat_request import Refused
from graph.events.turn_events import Approval, Events, Finished, Piece, ToolsRequested, Waiting
from graph.state.turn_state import State
from memory.models import Outcome
from memory.prompt.token_budget import CountTokens
from nodes.respond import EMPTY_ANSWER

BAD_GATEWAY = 502
MODEL_DOWN = "model_unavailable"
_HINT = "Answer `yes` to allow it, or `no`."
_AWAY = "The model cannot be reached just now. Your message is kept: send it again later."
_BROKEN_OFF = "The model broke off here."


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """The end of an answer."""

    text: str
    """The whole answer, without what its correction replaces."""
    prompt_tokens: int = 0
    """Counted by this agent: the endpoint's own number is not known here."""
    reply_tokens: int = 0
    whole: bool = True
    """False if the model broke off."""


Said = str | Completed
"""A piece of an answer, or its end."""


@dataclass(slots=True)
class TurnReply:
    count: CountTokens
    detailed: bool
    """True if problems may name hosts and settings."""
    note: str = ""
    """Shown below the reply."""
    _shown: str = field(default="", init=False)
    """Text since the last tool calls; what precedes them is no part of the reply."""
    _gap: bool = field(default=False, init=False)

    async def tell(self, events: Events) -> AsyncGenerator[Said, None]:
        """Yield the reply as it is written, then its end; a turn that waits for approval, with its question.

        Raises:
            Refused: the model gave nothing.
        """
        async with aclosing(events):
            async for event in events:
                match event:
                    case Piece(text):
                        yield self._piece(text)
                    case ToolsRequested():
                        self._gap, self._shown = bool(self._gap or self._shown), ""
                    case Waiting():
                        asked = question(event.approvals[0])
                        yield self._piece(f"\n\n{asked}" if self._shown else asked)
                        yield Completed(text=self._shown, reply_tokens=self.count(self._shown))
                    case Finished(state):
                        for said in self._end(state):
                            yield said

    def _piece(self, text: str) -> str:
        """Add to the reply; the first piece after tool calls begins a paragraph."""
        piece = f"\n\n{text}" if self._gap and not self._shown else text
        self._shown += text
        return piece

    def _end(self, state: State) -> list[Said]:
        reply = state["reply"]
        if reply.outcome is Outcome.FAILED or not reply.text.strip():
            raise model_failure(reply.problem, detailed=self.detailed)
        text, pieces = reply.text, list[Said]()
        if not self._shown:
            pieces.append(self._piece(text))
        elif self._shown.strip() != text.strip():
            pieces.append(f"\n\nCorrected:\n\n{text}")
        problem = reply.problem if self.detailed or not reply.problem else _BROKEN_OFF
        for note in filter(None, (problem, self.note)):
            text, pieces = f"{text}\n\n({note})", [*pieces, f"\n\n({note})"]
        tokens = count_prompt(state.get("prompt", ()), self.count), self.count(reply.text)
        end = Completed(text=text, prompt_tokens=tokens[0], reply_tokens=tokens[1], whole=not reply.problem)
        return [*pieces, end]


def model_failure(problem: str, *, detailed: bool) -> Refused:
    """Return the error of a model that gave nothing; `detailed` names hosts and settings."""
    shown = problem or EMPTY_ANSWER
    return Refused(shown if detailed or shown == EMPTY_ANSWER else _AWAY, BAD_GATEWAY, MODEL_DOWN)


def count_prompt(prompt: Sequence[AnyMessage], count: CountTokens) -> int:
    return sum(count(message.text) for message in prompt)


def question(approval: Approval) -> str:
    """Return the question whether a tool may run, and how to answer it."""
    asked = f"May `{escape(approval.tool)}` be run? It is asked because {escape(approval.reason)}."
    return f"{asked}\n\n{shown_call(approval)}\n\n{_HINT}"


def is_question(reply: str) -> bool:
    """Return True if an answer in a client's conversation is a question made by `question`."""
    return reply.rstrip().endswith(_HINT)


def asks(reply: str, approval: Approval) -> bool:
    """Return True if an answer in a client's conversation asks for this approval; white space may differ."""
    return "".join(question(approval).split()) in "".join(reply.split())


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
            yield stream_event(
                {**self._envelope("chat.completion.chunk"), "choices": [], "usage": _usage(end)}
            )
        yield DONE

    def _chunk(self, delta: dict[str, str], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        envelope = self._envelope("chat.completion.chunk") | ({"usage": None} if self.usage else {})
        return stream_event({**envelope, "choices": [choice]})

    def _envelope(self, kind: str) -> dict[str, Any]:
        return {"id": f"chatcmpl-{self.id}", "object": kind, "created": self.created, "model": self.model}


def error_body(message: str, status: int, code: str = "", param: str = "") -> dict[str, Any]:
    kinds = {401: "authentication_error", 404: "not_found_error"}
    kind = kinds.get(status, "invalid_request_error" if status < 500 else "server_error")  # noqa: PLR2004 - server errors
    return {"error": {"message": message, "type": kind, "param": param or None, "code": code or None}}


def model_list(names: dict[str, str], created: int) -> dict[str, Any]:
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


def stream_event(value: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(value)}\n\n".encode()
