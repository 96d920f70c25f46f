"""ChatGPT's export: conversations as trees of messages; the branch that was shown last is imported."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from bot.importers.import_file import ImportedEpisode, ImportFile
from bot.importers.source import Field, stable_id
from memory.models import EDIT_OF, FOREIGN, Episode
from memory.text.text import clean

MEMBERS: Final = "conversations*.json"
_SAID: Final = ("text", "multimodal_text")
"""Kinds of content that a person sees; others are reasoning, code for tools, and what tools returned."""
_ASSETS: Final = {
    "image_asset_pointer": "[photo]",
    "audio_asset_pointer": "[audio]",
    "video_container_asset_pointer": "[video]",
}


@dataclass(slots=True)
class _Exchange:
    """A message, and the replies to it."""

    node: str
    at: datetime
    message: str
    edits: Sequence[str] = ()
    """Nodes of other versions of the message."""
    replies: list[str] = field(default_factory=list)
    foreign: bool = False


def read_chatgpt(file: ImportFile) -> Iterator[tuple[str, Iterator[Episode]]]:
    """Yield each conversation as its title and its episodes in order."""
    for number, conversation in enumerate(file.values(MEMBERS)):
        yield conversation.text_of("title") or str(number), _episodes(conversation, file.owner)


def _episodes(conversation: Field, owner: str) -> Iterator[Episode]:
    named = conversation.find("conversation_id") or conversation.get("id")
    name, tag = named.name(), conversation.text_of("title").strip()
    for exchange in _exchanges(conversation):
        yield ImportedEpisode(
            turn_id=stable_id("chatgpt", owner, name, exchange.node),
            owner=owner,
            thread=stable_id("chatgpt", owner, name),
            message=exchange.message,
            reply="\n\n".join(exchange.replies),
            at=exchange.at,
            tags=(
                *([tag] if tag else []),
                *([FOREIGN] if exchange.foreign else []),
                *(f"{EDIT_OF}{stable_id('chatgpt', owner, name, node)}" for node in exchange.edits),
            ),
            attributed=True,
            revisable=True,
        )


def _exchanges(conversation: Field) -> Iterator[_Exchange]:
    current: _Exchange | None = None
    at = conversation.find("create_time")
    latest = at.moment() if at else None
    for node, message in _branch(conversation):
        sent = message.find("create_time")
        latest = sent.moment() if sent else latest
        if latest is None:
            raise message.bad('an object with "create_time"')
        role, text = message.get("author").get("role").value, _text(message)
        if role == "user" and text:
            if current:
                yield current
            current = _Exchange(node, latest, text, _versions(conversation, node))
        elif role == "assistant" and text:
            current = current or _Exchange(node, latest, "")
            current.replies.append(text)
        elif role == "tool" and current:
            current.foreign = True
    if current:
        yield current


def _branch(conversation: Field) -> list[tuple[str, Field]]:
    """Return the nodes with a message from the root to the current node."""
    mapping, node = conversation.get("mapping"), _leaf(conversation)
    found: list[tuple[str, Field]] = []
    seen: set[str] = set()
    while isinstance(node, str) and node not in seen and (entry := mapping.find(node)) is not None:
        seen.add(node)
        if (message := entry.find("message")) is not None:
            found.append((node, message))
        parent = entry.find("parent")
        node = parent.value if parent else None
    return found[::-1]


def _leaf(conversation: Field) -> Any:
    """Return the current node; without one, the last node without children."""
    current = conversation.find("current_node")
    if current is not None:
        return current.value
    mapping = conversation.get("mapping")
    leaves = [name for name in mapping.names() if not _children(mapping, name)]
    return leaves[-1] if leaves else None


def _children(mapping: Field, node: str) -> list[str]:
    entry = mapping.find(node)
    return [child.name() for child in entry.items_of("children")] if entry else []


def _versions(conversation: Field, node: str) -> list[str]:
    """Return the other versions of an edited message: its siblings."""
    mapping = conversation.get("mapping")
    parent = mapping.get(node).find("parent")
    if parent is None:
        return []
    return [child for child in _children(mapping, parent.name()) if child != node]


def _text(message: Field) -> str:
    """Return what a person reads; empty for what is hidden."""
    about, to = message.find("metadata"), message.find("recipient")
    mark = about.find("is_visually_hidden_from_conversation") if about else None
    hidden = mark is not None and mark.value
    content = message.find("content")
    kind = content.get("content_type").value if content else None
    if hidden or content is None or kind not in _SAID or (to is not None and to.value != "all"):
        return ""
    texts = map(_part, content.items_of("parts"))
    return "\n".join(text for text in [*texts, *_attachments(about)] if text.strip())


def _part(part: Field) -> str:
    if isinstance(part.value, str):
        return part.text()
    if not isinstance(part.value, dict):
        return ""
    if isinstance(said := part.value.get("text"), str):  # a recording's transcript
        return clean(said)
    return _ASSETS.get(str(part.value.get("content_type")), "")


def _attachments(about: Field | None) -> list[str]:
    """Name the files that came with a message, except photos, which are among its parts."""
    found = []
    for attachment in about.items_of("attachments") if about else []:
        kind, name = attachment.find("mime_type"), attachment.find("name")
        if name is not None and not (kind is not None and str(kind.value).startswith("image/")):
            found.append(f"[file: {name.text()}]")
    return found
