"""A request for a chat completion, as OpenAI's clients send it."""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from bot.media.attachment import Attachment
from memory.errors import GoatError
from memory.provenance import Carrier, Part
from memory.text.text import clean

BAD_REQUEST = 400
_DATA_URL = re.compile(r"data:([\w.+/-]*)(?:;[\w=.-]+)*;base64,(.*)", re.DOTALL)
_CHAT_IDS = ("x-openwebui-chat-id", "x-conversation-id", "x-chat-id")
_CHAT_KEYS = ("chat_id", "conversation_id", "thread_id")


class Refused(GoatError):
    """A request cannot be answered; the message says what to do.

    Attributes:
        status: HTTP status of the answer.
        code: error code, as in OpenAI's API.
        param: field of the request that is wrong.
    """

    def __init__(self, message: str, status: int = BAD_REQUEST, code: str = "", param: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param


class Message(BaseModel):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[dict[str, Any]] | None = None

    @property
    def text(self) -> str:
        """The message's text, without its files."""
        if isinstance(self.content, list):
            texts = (part.get("text") for part in self.content if part.get("type") == "text")
            return clean("\n\n".join(text for text in texts if isinstance(text, str)))
        return clean(self.content or "")

    def files(self) -> Iterator[tuple[Attachment, bytes]]:
        """Yield the files that the message holds.

        Raises:
            Refused: a part is of an unknown kind, or its content is not in the message.
        """
        for part in self.content if isinstance(self.content, list) else ():
            if part.get("type") != "text":
                yield _file(part)


class StreamOptions(BaseModel):
    include_usage: bool | None = None


class ChatRequest(BaseModel):
    """The fields that are read; others, such as `temperature`, are ignored."""

    model: str
    messages: list[Message] = Field(min_length=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None
    metadata: dict[str, Any] | None = None

    @property
    def wants_usage(self) -> bool:
        """True if the stream ends with the usage."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    @property
    def system(self) -> str:
        """The client's system prompt."""
        roles = ("system", "developer")
        return "\n\n".join(one.text for one in self.messages if one.role in roles and one.text.strip())

    def chat_id(self, headers: Mapping[str, str]) -> str:
        """Return the client's id of the conversation; "" if it sends none.

        `user` is no such id: clients send a person's there, the same in every conversation.
        """
        return _header_id(headers) or self._metadata_id

    def may_leave_out(self, headers: Mapping[str, str]) -> bool:
        """Return True if the client may send a message without its conversation.

        Front ends send the id in a header, and the whole conversation; programs send it in `metadata`.
        """
        return bool(self._metadata_id) and not _header_id(headers)

    @property
    def _metadata_id(self) -> str:
        return next((str(found) for key in _CHAT_KEYS if (found := (self.metadata or {}).get(key))), "")


@dataclass(frozen=True, slots=True)
class ClientExchange:
    """An earlier message of the conversation, and its answer as the client has it."""

    message: str
    reply: str


def read_request(body: bytes) -> ChatRequest:
    """Parse a request.

    Raises:
        Refused: it is malformed, or asks for something unsupported.
    """
    try:
        request = ChatRequest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise Refused(f"{where or 'The body'}: {first['msg']}.", param=where) from None
    if (request.n or 1) != 1:
        raise Refused("n: one answer is given to a message. Leave n out, or send 1.", param="n")
    if request.tools or request.functions:
        raise Refused(
            "tools: this agent has tools of its own and calls none of a client's. Turn the client's tools "
            "(function calling) off for this model.",
            param="tools",
        )
    if request.messages[-1].role != "user":
        raise Refused(
            "messages: the last message must be the user's. An answer is not continued from its middle: ask "
            "for the rest in a new message.",
            param="messages",
        )
    return request


def exchanges(messages: Sequence[Message]) -> list[ClientExchange]:
    """Return the messages of the user, each with the answers that follow it."""
    found: list[tuple[str, list[str]]] = []
    for message in messages:
        if message.role == "user":
            found.append((message.text, []))
        elif message.role == "assistant" and found:
            found[-1][1].append(message.text)
    return [ClientExchange(text, "\n\n".join(filter(None, replies))) for text, replies in found]


def _header_id(headers: Mapping[str, str]) -> str:
    return next(filter(None, (headers.get(name) for name in _CHAT_IDS)), "")


def _file(part: Mapping[str, Any]) -> tuple[Attachment, bytes]:
    """Return a part's file: an image, a recording or a document."""
    match part:
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            return _attachment("photo", url, "")
        case {"type": "input_audio", "input_audio": {"data": str(data), "format": str(suffix)}}:
            return _attachment("voice", f"data:audio/{suffix};base64,{data}", f"voice.{suffix}")
        case {"type": "file", "file": {"file_data": str(url), **rest}}:
            return _attachment("document", url, str(rest.get("filename") or "document"))
    raise Refused(f"messages: a part of the kind {part.get('type')!r} cannot be read.", param="messages")


def _attachment(kind: str, url: str, name: str) -> tuple[Attachment, bytes]:
    found = _DATA_URL.fullmatch(url)
    try:
        data = base64.b64decode(found[2], validate=True) if found else b""
    except ValueError:  # binascii's own error, or one about other characters than ASCII
        data = b""
    if found is None or not data:
        raise Refused(
            "messages: send files in the message itself, as data:TYPE;base64,...: none is fetched.",
            param="messages",
        )
    return Attachment(kind, "", len(data), clean(name), found[1]), data


_TASK = "### Task:"
_HISTORY, _COMPLETION = "<chat_history>", "autocompletion system"
_LIBRECHAT_TITLE = "Provide a concise, 5-word-or-less title for the conversation"
_CONTEXT, _CONTEXT_END = "<context>", "</context>"


def is_chore(request: ChatRequest) -> bool:
    """Return True for a client's own request: a title, tags, follow-ups, a search query.

    Open WebUI and LibreChat send it alone, with the conversation inside it.
    """
    text = request.messages[-1].text.lstrip()
    if sum(one.role in {"user", "assistant"} for one in request.messages) > 1:
        return False
    if text.startswith(_TASK):
        return _HISTORY in text or _COMPLETION in text
    return text.startswith(_LIBRECHAT_TITLE)


def own_words(text: str) -> tuple[str, list[Part]]:
    """Split a message into the user's words and the documents that Open WebUI put before them."""
    if not (text.lstrip().startswith(_TASK) and _CONTEXT in text and _CONTEXT_END in text):
        return text, []
    found, _, words = text.rpartition(_CONTEXT_END)
    documents = found.partition(_CONTEXT)[2].strip()
    return words.strip(), [Part(text=clean(documents), carrier=Carrier.DOCUMENT, source="Open WebUI")]
