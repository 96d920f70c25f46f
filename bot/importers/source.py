"""Import files, parsed with the position of every value for error messages."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from memory.errors import GoatError
from memory.text.text import clean

_NAMESPACE = uuid5(NAMESPACE_URL, "goat:import")
_KINDS = {
    bool: "true or false",
    dict: "an object",
    float: "a number",
    int: "a number",
    list: "a list",
    str: "a text",
    type(None): "null",
}
_DATE_FORMATS = ("%Y/%m/%d (%a) %H:%M", "%I:%M %p on %d %B, %Y")
DATE = 'a date and time, like "2023-05-08T13:56:00Z"'
_YEARS = range(2, 9999)
"""Years whose times stay valid in every time zone."""
SHOWN = 60


class BadImportFile(GoatError):
    """A file cannot be imported; the message names file, position and the expected value."""


@dataclass(frozen=True, slots=True)
class Field:
    """A value of a file, with its position."""

    file: Path
    position: str
    """Like `line 3.at` or `[0].conversation.session_1[4].text`; empty for the whole file."""
    value: Any

    def bad(self, expected: str, found: str = "") -> BadImportFile:
        where = f"{self.file}: {self.position}: " if self.position else f"{self.file}: "
        return BadImportFile(f"{where}expected {expected}, found {found or _describe(self.value)}")

    def text(self) -> str:
        """Return the value as a text that the stores can hold."""
        if not isinstance(self.value, str):
            raise self.bad("a text")
        return clean(self.value)

    def name(self) -> str:
        """Return the value as a text that is not blank."""
        text = self.text()
        if not text.strip():
            raise self.bad("a text that is not empty")
        return text

    def time(self) -> datetime:
        """Return the value as a time in UTC; without a zone it counts as UTC."""
        text = self.value.strip() if isinstance(self.value, str) else ""
        found = _parse_iso(text) or next(
            filter(None, (_parse_date(text, form) for form in _DATE_FORMATS)), None
        )
        if found is None:
            raise self.bad(DATE)
        if found.year not in _YEARS:
            raise self.bad(f"a time of the years {_YEARS.start} to {_YEARS.stop - 1}")
        return found

    def items(self) -> "list[Field]":
        if not isinstance(self.value, list):
            raise self.bad("a list")
        return [
            Field(self.file, f"{self.position}[{index}]", value) for index, value in enumerate(self.value)
        ]

    def names(self) -> list[str]:
        if not isinstance(self.value, dict):
            raise self.bad("an object")
        return list(self.value)

    def find(self, key: str) -> "Field | None":
        """Return the value of `key`; None if it is missing or null."""
        if key not in self.names() or self.value[key] is None:
            return None
        return Field(self.file, f"{self.position}.{key}".removeprefix("."), self.value[key])

    def get(self, key: str) -> "Field":
        """Return the value of a required `key`."""
        found = self.find(key)
        if found is None:
            raise self.bad(f'an object with "{key}"', "none")
        return found


def read_json(path: Path) -> Field:
    text = read_text(path)
    return Field(path, "", parse(text, path, ""))


def read_lines(path: Path) -> Iterator[Field]:
    """Read a file with one JSON value per line, without blank lines."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            yield Field(path, f"line {number}", parse(line, path, f"line {number}: "))


def read_text(path: Path) -> str:
    """Read a non-empty UTF-8 file."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = f"{path}: byte {error.start + 1}"
        raise BadImportFile(f"{where}: expected UTF-8; save the file in this encoding") from None
    except OSError as error:
        raise BadImportFile(f"{path}: expected a file that can be read: {error.strerror}") from None
    if not text.strip():
        raise BadImportFile(f"{path}: expected conversations, found an empty file")
    return text


def parse(text: str, path: Path, position: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = position or f"line {error.lineno}: "
        raise BadImportFile(f"{path}: {where}expected JSON: {error.msg} (column {error.colno})") from None
    except (RecursionError, ValueError):
        raise BadImportFile(
            f"{path}: {position}expected JSON, found one that is nested too deeply or too large"
        ) from None


def stable_id(*parts: str | int) -> str:
    """Return a UUID that depends only on the parts."""
    return str(uuid5(_NAMESPACE, json.dumps(parts)))


def _parse_iso(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _parse_date(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        return None


def _describe(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value if len(value) <= SHOWN else value[:SHOWN] + "...", ensure_ascii=False)
    return _KINDS.get(type(value), "something else")
