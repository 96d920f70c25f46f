"""Entities of a text: those given by the bot, and those that Telegram detects."""

import re
from dataclasses import dataclass, field
from typing import Any

from telegram import MessageEntity

from tests.servers.telegram import utf16
from tests.servers.telegram.refusals import bad_request

Entity = dict[str, Any]

GIVEN = frozenset(str(kind) for kind in MessageEntity.ALL_TYPES)
FOUND = (
    ("bot_command", re.compile(r"(?<![\w/@])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?!\w)")),
    ("mention", re.compile(r"(?<![\w@/])@[A-Za-z0-9_]{4,32}(?!\w)")),
)
NEEDED = {"text_link": "url", "text_mention": "user", "custom_emoji": "custom_emoji_id"}


@dataclass(frozen=True, slots=True)
class Formatted:
    """A text without markup, and its entities in order."""

    text: str
    entities: list[Entity] = field(default_factory=list)


def found(text: str) -> list[Entity]:
    """Return the commands and mentions in a person's text."""
    entities = [
        {"type": kind, "offset": utf16.length(text[: match.start()]), "length": utf16.length(match[0])}
        for kind, pattern in FOUND
        for match in pattern.finditer(text)
    ]
    return in_order(entities)


def in_order(entities: list[Entity]) -> list[Entity]:
    """Sort by offset, longer ones first."""
    return sorted(entities, key=lambda entity: (entity["offset"], -entity["length"]))


def checked(text: str, given: object) -> list[Entity]:
    """Return the bot's entities, or refuse the call."""
    if not isinstance(given, list):
        raise bad_request("can't parse entities JSON object")
    for entity in given:
        _check(text, entity)
    return in_order(given)


def _check(text: str, entity: object) -> None:
    if not isinstance(entity, dict):
        raise bad_request("can't parse MessageEntity: Object expected as entity")
    kind, offset, units = entity.get("type"), entity.get("offset"), entity.get("length")
    if kind not in GIVEN:
        raise bad_request(f"can't parse MessageEntity: Unsupported type {kind!r} specified")
    if not isinstance(offset, int) or not isinstance(units, int):
        raise bad_request("can't parse MessageEntity: Field offset and length must be of type Number")
    if offset < 0 or units <= 0:
        raise bad_request(f"can't parse MessageEntity: wrong offset {offset} or length {units} specified")
    if kind in NEEDED and not entity.get(NEEDED[kind]):
        raise bad_request(f"can't parse MessageEntity: Can't find field \"{NEEDED[kind]}\"")
    _check_bounds(text, offset, units)


def _check_bounds(text: str, offset: int, units: int) -> None:
    end = utf16.length(text)
    if offset >= end:
        raise bad_request(f"entity begins after the end of the text at UTF-16 offset {offset}")
    place = f"entity beginning at UTF-16 offset {offset} ends"
    if offset + units > end:
        raise bad_request(f"{place} after the end of the text at UTF-16 offset {offset + units}")
    if utf16.inside_pair(text, offset):
        raise bad_request(f"entity begins in a middle of a UTF-16 symbol at UTF-16 offset {offset}")
    if utf16.inside_pair(text, offset + units):
        raise bad_request(f"{place} in a middle of a UTF-16 symbol at UTF-16 offset {offset + units}")


def trimmed(formatted: Formatted) -> Formatted:
    """Strip white space around the text, as Telegram does."""
    text = formatted.text.strip()
    skipped = utf16.length(formatted.text) - utf16.length(formatted.text.lstrip())
    moved = [_moved(entity, skipped, utf16.length(text)) for entity in formatted.entities]
    return Formatted(text, [entity for entity in moved if entity["length"] > 0])


def _moved(entity: Entity, by: int, end: int) -> Entity:
    start = max(0, entity["offset"] - by)
    stop = min(end, entity["offset"] + entity["length"] - by)
    return entity | {"offset": start, "length": stop - start}
