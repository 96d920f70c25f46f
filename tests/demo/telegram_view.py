"""Rendering of a chat in a terminal."""

import time
from collections.abc import Sequence
from itertools import count
from typing import Any

from rich.text import Text

from tests.servers.telegram import Button, Message

STYLES = {
    "bold": "bold",
    "italic": "italic",
    "underline": "underline",
    "strikethrough": "strike",
    "spoiler": "reverse dim",
    "code": "cyan",
    "pre": "cyan on grey11",
    "blockquote": "italic grey70",
    "expandable_blockquote": "italic grey70",
    "text_link": "blue underline",
    "url": "blue underline",
    "mention": "magenta",
    "bot_command": "magenta",
}


def formatted(text: str, entities: Sequence[dict[str, Any]]) -> Text:
    """Return a text in the styles of its entities."""
    shown, places = Text(text), _places(text)
    for entity in entities:
        start, end = entity["offset"], entity["offset"] + entity["length"]
        style = STYLES.get(entity["type"], "")
        if entity["type"] == "text_link":
            style += f" link {entity['url']}"
        shown.stylize(style, places[start], places[min(end, len(places) - 1)])
    return shown


def _places(text: str) -> list[int]:
    """Return the index of a character for each UTF-16 unit."""
    places = [index for index, character in enumerate(text) for _ in range(1 + (ord(character) > 0xFFFF))]
    return [*places, len(text)]


def numbered_buttons(messages: Sequence[Message]) -> dict[int, tuple[Message, Button]]:
    """Number the buttons of a chat from 1."""
    numbers = count(1)
    shown = [message for message in messages if not message.deleted]
    return {next(numbers): (message, button) for message in shown for button in message.buttons}


def message_parts(message: Message, buttons: dict[int, tuple[Message, Button]]) -> list[Text]:
    """Render one message with its sender and buttons."""
    if message.deleted:
        return [Text(f"#{message.message_id} deleted", "dim strike"), Text()]
    parts = [_heading(message)]
    if message.kind != "text":
        parts.append(Text(_attached(message), "green"))
    if message.text:
        parts.append(formatted(message.text, message.entities))
    reactions = message.user_reactions.values()
    if reactions:
        parts.append(Text(" ".join(reactions)))
    return [*parts, *_rows(message, buttons), Text()]


def _heading(message: Message) -> Text:
    who = ("bot", "bold green") if message.from_bot else (f"user {message.user_id}", "bold blue")
    about = [f"#{message.message_id}", time.strftime("%H:%M:%S", time.localtime(message.date))]
    if message.topic is not None:
        about.append(f"topic {message.topic}")
    if message.reply_to is not None:
        about.append(f"↩ #{message.reply_to}")
    if message.edits:
        about.append(f"edited {len(message.edits)}×")
    return Text.assemble(who, " ", (" ".join(about), "dim"))


def _attached(message: Message) -> str:
    if message.content:
        return f"[{message.kind}: {message.file_name}, {len(message.content)} bytes]"
    return f"[{message.kind}: {message.attachment}]"


def _rows(message: Message, buttons: dict[int, tuple[Message, Button]]) -> list[Text]:
    rows: dict[int, Text] = {}
    for number, (owner, button) in buttons.items():
        if owner.message_id == message.message_id:
            label = f"[{number}] {button.text}" + (f" → {button.url}" if button.url else "")
            rows.setdefault(button.row, Text()).append(label, "black on white").append(" ")
    return list(rows.values())
