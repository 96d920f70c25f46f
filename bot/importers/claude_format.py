"""Claude's export: conversations as lists of messages."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from bot.importers.import_file import ImportedEpisode, ImportFile, JsonStream
from bot.importers.source import Field, stable_id
from memory.models import FOREIGN, Episode
from memory.provenance import Carrier, Part

MEMBERS: Final = "conversations*.json"
_PHOTOS: Final = (".gif", ".heic", ".jpeg", ".jpg", ".png", ".webp")


@dataclass(slots=True)
class _Exchange:
    """A message, and the replies to it."""

    first: Field
    message: str
    parts: tuple[Part, ...] = ()
    replies: list[str] = field(default_factory=list)
    foreign: bool = False


def read_claude(file: ImportFile) -> Iterator[tuple[str, Iterator[Episode]]]:
    """Yield each conversation as its name and its episodes in order."""
    number = 0
    for stream in file.streams(MEMBERS):
        for value in JsonStream(file.path, stream).items():
            conversation = Field(file.path, f"[{number}]", value)
            yield _title(conversation) or str(number), _episodes(conversation, file.owner)
            number += 1


def _title(conversation: Field) -> str:
    named = conversation.find("name")
    return named.text().strip() if named else ""


def _episodes(conversation: Field, owner: str) -> Iterator[Episode]:
    name, title = conversation.get("uuid").name(), _title(conversation)
    for exchange in _exchanges(conversation):
        yield ImportedEpisode(
            turn_id=stable_id("claude", owner, name, exchange.first.get("uuid").name()),
            owner=owner,
            thread=stable_id("claude", owner, name),
            message=exchange.message,
            reply="\n\n".join(exchange.replies),
            at=exchange.first.get("created_at").time(),
            tags=(*([title] if title else []), *([FOREIGN] if exchange.foreign else [])),
            parts=exchange.parts,
            attributed=True,
            revisable=True,
        )


def _exchanges(conversation: Field) -> Iterator[_Exchange]:
    current: _Exchange | None = None
    for message in _branch(conversation):
        sender, text = message.get("sender"), _text(message)
        if sender.value not in ("human", "assistant"):
            raise sender.bad('"human" or "assistant"')
        if sender.value == "human":
            if current and (current.message or current.parts or current.replies):
                yield current
            current = _Exchange(message, text, _documents(message))
        else:
            current = current or _Exchange(message, "")
            current.replies += [text] if text else []
            current.foreign |= _used_tools(message)
    if current and (current.message or current.parts or current.replies):
        yield current


def _branch(conversation: Field) -> list[Field]:
    """Return the messages in order; if they name their parents, those that lead to the last one."""
    messages = conversation.get("chat_messages").items()
    by_id = {message.get("uuid").name(): message for message in messages}
    if not any(_parent(message) in by_id for message in messages):
        return messages
    found: list[Field] = []
    following: Field | None = messages[-1]
    while following is not None and following not in found:
        found.append(following)
        following = by_id.get(_parent(following))
    return found[::-1]


def _parent(message: Field) -> str:
    found = message.find("parent_message_uuid")
    return found.text() if found else ""


def _text(message: Field) -> str:
    """Return what was written, and the names of files without their text."""
    content = message.find("content")
    blocks = [block for block in content.items() if _kind(block) == "text"] if content else []
    texts = [block.get("text").text() for block in blocks]
    if not any(texts) and (whole := message.find("text")) is not None:
        texts = [whole.text()]
    return "\n".join(filter(None, [*(text.strip() for text in texts), *_files(message)]))


def _kind(block: Field) -> str:
    kind = block.find("type")
    return str(kind.value) if kind else ""


def _files(message: Field) -> Iterator[str]:
    for attached in _listed(message, "files"):
        name = _name(attached)
        yield "[photo]" if name.lower().endswith(_PHOTOS) else f"[file: {name}]"
    for attached in _listed(message, "attachments"):
        if attached.find("extracted_content") is None:
            yield f"[file: {_name(attached)}]"


def _documents(message: Field) -> tuple[Part, ...]:
    """Return the texts of attached files, which are not the owner's words."""
    return tuple(
        Part(text=text.text(), carrier=Carrier.DOCUMENT, source=_name(attached))
        for attached in _listed(message, "attachments")
        if (text := attached.find("extracted_content")) is not None
    )


def _listed(message: Field, key: str) -> list[Field]:
    found = message.find(key)
    return found.items() if found else []


def _name(attached: Field) -> str:
    found = attached.find("file_name")
    return (found.text().strip() if found else "") or "unnamed"


def _used_tools(message: Field) -> bool:
    content = message.find("content")
    return content is not None and any(_kind(block) == "tool_result" for block in content.items())
