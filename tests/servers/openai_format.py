"""Requests and answers of the OpenAI-compatible API, as values."""

import base64
import hashlib
import json
import math
import struct
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from memory.prompt.token_budget import TokenCounter

DIMENSIONS = 64
CREATED = 1_700_000_000
_COUNT = TokenCounter()


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model asks for."""

    name: str
    arguments: Mapping[str, Any]
    id: str = "call_1"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the model."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    whole: bool = False
    """Send it in one piece, which is faster than a stream of words."""
    rest: threading.Event | None = None
    """Only its first word is sent until this is set."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file in a request."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """A received request."""

    path: str
    headers: Mapping[str, str]
    """Lower-case names, without the key."""
    body: Mapping[str, Any]
    """The JSON object, or the fields of a form, whose files are `Upload`s."""

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation, as roles and contents."""
        return list(self.body.get("messages", []))

    @property
    def prompt(self) -> str:
        """The text of all messages, concatenated."""
        return "\n\n".join(text_of(message) for message in self.messages)

    @property
    def last(self) -> str:
        """The text of the last message."""
        return text_of(self.messages[-1]) if self.messages else ""

    @property
    def streamed(self) -> bool:
        """Whether it asks for a stream."""
        return bool(self.body.get("stream"))


def text_of(message: Mapping[str, Any]) -> str:
    """Return the text of a message, whose content may be a list of parts."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text", "")) for part in content)


def echo(request: ModelRequest) -> Reply:
    """Answer with the number of messages and the last of them."""
    return Reply(f"I see {len(request.messages)} messages. Last: {request.last}", whole=True)


def completion(request: ModelRequest, reply: Reply) -> bytes:
    """Render a whole answer."""
    message: dict[str, Any] = {"role": "assistant", "content": reply.text}
    if reply.tool_calls:
        message["tool_calls"] = [_tool_call(call) for call in reply.tool_calls]
    choice = {"index": 0, "message": message, "finish_reason": _finish_reason(reply)}
    return encoded(
        _envelope(request, "chat.completion") | {"choices": [choice], "usage": _usage(request, reply)}
    )


def completion_events(request: ModelRequest, reply: Reply) -> Iterator[bytes]:
    """Render an answer as server-sent events: the role, the words, the tool calls, the end, the usage."""
    envelope = _envelope(request, "chat.completion.chunk")
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": piece} for piece in ([reply.text] if reply.whole else pieces(reply.text))]
    deltas += [{"tool_calls": [_tool_call(c) | {"index": i}]} for i, c in enumerate(reply.tool_calls)]
    for delta in deltas:
        yield event(envelope | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    end = {"index": 0, "delta": {}, "finish_reason": _finish_reason(reply)}
    yield event(envelope | {"choices": [end]})
    if (request.body.get("stream_options") or {}).get("include_usage"):
        yield event(envelope | {"choices": [], "usage": _usage(request, reply)})
    yield b"data: [DONE]\n\n"


def pieces(text: str) -> list[str]:
    """Split a text after each space."""
    words = text.split(" ")
    return [word + " " for word in words[:-1]] + ([words[-1]] if words[-1] else [])


def tokens_of(request: ModelRequest) -> int:
    """Count the tokens of messages and tools, with a vocabulary a tenth less efficient than the product's."""
    given = [text_of(message) + json.dumps(message.get("tool_calls", "")) for message in request.messages]
    given += [json.dumps(tool) for tool in request.body.get("tools", ())]
    return int(sum(map(_COUNT, given)) * 1.1) + 5 * len(request.messages)


def refusal(request: ModelRequest, context: int) -> str:
    """Return an error if a request exceeds the context; empty otherwise."""
    prompt, reply = (
        tokens_of(request),
        int(request.body.get("max_tokens") or request.body.get("max_completion_tokens", 0)),
    )
    if prompt + reply <= context:
        return ""
    return (
        f"This model's maximum context length is {context} tokens. However, you requested {prompt + reply} "
        f"tokens ({prompt} in the messages, {reply} in the completion). Please reduce the length of the "
        "messages or completion."
    )


def embeddings(request: ModelRequest) -> bytes:
    """Render one vector for each input, in the requested encoding."""
    given = request.body.get("input", [])
    inputs = [given] if isinstance(given, str) or (given and isinstance(given[0], int)) else given
    size = int(request.body.get("dimensions") or DIMENSIONS)
    packed = request.body.get("encoding_format") == "base64"
    data = []
    for index, item in enumerate(inputs):
        numbers = vector(item.lower().split() if isinstance(item, str) else [str(n) for n in item], size)
        shown = base64.b64encode(struct.pack(f"<{size}f", *numbers)).decode() if packed else numbers
        data.append({"object": "embedding", "index": index, "embedding": shown})
    model = request.body.get("model", "")
    usage = {"prompt_tokens": len(inputs), "total_tokens": len(inputs)}
    return encoded({"object": "list", "model": model, "data": data, "usage": usage})


def vector(words: list[str], size: int) -> list[float]:
    """Return the hashed bag of words as a unit vector, so that texts that share words are close."""
    numbers = [0.0] * size
    for word in words or [""]:
        digest = hashlib.sha256(word.encode("utf-8", "replace")).digest()
        numbers[int.from_bytes(digest[:4]) % size] += 1.0 if digest[4] % 2 else -1.0
    norm = math.sqrt(sum(n * n for n in numbers))
    return [n / norm for n in numbers] if norm else [1.0] + [0.0] * (size - 1)


def transcription(text: str) -> bytes:
    """Render a transcription."""
    return encoded({"text": text})


def form(content_type: str, content: bytes) -> dict[str, Any]:
    """Read the fields of a multipart form; a file is an `Upload`."""
    header = f"MIME-Version: 1.0\r\nContent-Type: {content_type}\r\n\r\n".encode()
    fields: dict[str, Any] = {}
    for part in BytesParser(policy=HTTP).parsebytes(header + content).iter_parts():
        name, file_name = part.get_param("name", "", "content-disposition"), part.get_filename()
        value = part.get_payload(decode=True)
        assert isinstance(value, bytes)
        fields[str(name)] = (
            value.decode() if file_name is None else Upload(file_name, part.get_content_type(), value)
        )
    return fields


def models(names: list[str]) -> bytes:
    """Render the list of models."""
    data = [{"id": name, "object": "model", "created": CREATED, "owned_by": "goat"} for name in names]
    return encoded({"object": "list", "data": data})


def error(message: str, code: int) -> bytes:
    """Render an error as the API does."""
    return encoded({"error": {"message": message, "type": "test_error", "param": None, "code": str(code)}})


def event(value: Mapping[str, Any]) -> bytes:
    """Render one server-sent event."""
    return b"data: " + encoded(value) + b"\n\n"


def encoded(value: Any) -> bytes:
    """Render JSON."""
    return json.dumps(value).encode()


def _envelope(request: ModelRequest, kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": CREATED, "model": request.body.get("model", "")}


def _finish_reason(reply: Reply) -> str:
    return "tool_calls" if reply.tool_calls else "stop"


def _tool_call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": json.dumps(dict(call.arguments))}
    return {"id": call.id, "type": "function", "function": function}


def _usage(request: ModelRequest, reply: Reply) -> dict[str, int]:
    asked, said = len(request.prompt.split()), len(reply.text.split())
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
