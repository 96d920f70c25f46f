"""Claude's export: conversations as lists of messages."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from bot.importers.import_file import ImportedEpisode, ImportFile
from bot.importers.source import Field, stable_id
from memory.models import FOREIGN, Episode
from memory.provenance import Carrier, Part

MEMBERS: Final = "conversations*.json"
_PARENT: Final = "parent_message_uuid"
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
    for number, conversation in enumerate(file.values(MEMBERS)):
        yield conversation.text_of("name").strip() or str(number), _episodes(conversation, file.owner)


def _episodes(conversation: Field, owner: str) -> Iterator[Episode]:
    name, title = conversation.get("uuid").name(), conversation.text_of("name").strip()
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
    """Return the messages in order; if they name their parents, only the last one and its ancestors."""
    messages = conversation.get("chat_messages").items()
    by_id = {message.get("uuid").name(): message for message in messages}
    if not any(message.text_of(_PARENT) in by_id for message in messages):
        return messages
    found: list[Field] = []
    following: Field | None = messages[-1]
    while following is not None and following not in found:
        found.append(following)
        following = by_id.get(following.text_of(_PARENT))
    return found[::-1]


def _text(message: Field) -> str:
    """Return what was written, and the names of files without their text."""
    blocks = [block for block in message.items_of("content") if _kind(block) == "text"]
    texts = [block.get("text").text() for block in blocks]
    if not any(texts):
        texts = [message.text_of("text")]
    return "\n".join(filter(None, [*(text.strip() for text in texts), *_files(message)]))


def _kind(block: Field) -> str:
    kind = block.find("type")
    return str(kind.value) if kind else ""


def _files(message: Field) -> Iterator[str]:
    for attached in message.items_of("files"):
        name = _name(attached)
        yield "[photo]" if name.lower().endswith(_PHOTOS) else f"[file: {name}]"
    for attached in message.items_of("attachments"):
        if attached.find("extracted_content") is None:
            yield f"[file: {_name(attached)}]"


def _documents(message: Field) -> tuple[Part, ...]:
    """Return the texts of attached files, which are not the owner's words."""
    return tuple(
        Part(text=text.text(), carrier=Carrier.DOCUMENT, source=_name(attached))
        for attached in message.items_of("attachments")
        if (text := attached.find("extracted_content")) is not None
    )


def _name(attached: Field) -> str:
    return attached.text_of("file_name").strip() or "unnamed"


def _used_tools(message: Field) -> bool:
    return any(_kind(block) == "tool_result" for block in message.items_of("content"))
