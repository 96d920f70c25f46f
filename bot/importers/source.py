"""Import files, parsed with the position of every value for error messages."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import IO, Any
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
LONGEST_LINE = 64 * 2**20


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

    def time(self, zone: tzinfo = UTC) -> datetime:
        """Return the value as a time in UTC; a time without a zone is in `zone`."""
        text = self.value.strip() if isinstance(self.value, str) else ""
        found = _parse_iso(text, zone) or next(
            filter(None, (_parse_date(text, form, zone) for form in _DATE_FORMATS)), None
        )
        if found is None:
            raise self.bad(DATE)
        if found.year not in _YEARS:
            raise self.bad(f"a time of the years {_YEARS.start} to {_YEARS.stop - 1}")
        return found

    def moment(self) -> datetime:
        """Return the value as a time in UTC, from seconds since 1970, as a number or in digits."""
        try:
            return _since_epoch(self.value)
        except (TypeError, ValueError, OverflowError, OSError):
            raise self.bad("seconds since 1970, like 1683554160") from None

    def items(self) -> "list[Field]":
        if not isinstance(self.value, list):
            raise self.bad("a list")
        return [
            Field(self.file, f"{self.position}[{index}]", value) for index, value in enumerate(self.value)
        ]

    def each(self) -> "list[Field]":
        """Return the items of a list, and any other value alone."""
        return self.items() if isinstance(self.value, list) else [self]

    def names(self) -> list[str]:
        if not isinstance(self.value, dict):
            raise self.bad("an object")
        return list(self.value)

    def find(self, key: str) -> "Field | None":
        """Return the value of `key`; None if it is missing or null."""
        if key not in self.names() or self.value[key] is None:
            return None
        return Field(self.file, f"{self.position}.{key}".removeprefix("."), self.value[key])

    def text_of(self, key: str) -> str:
        """Return the text of `key`; empty if it is missing."""
        found = self.find(key)
        return found.text() if found else ""

    def name_of(self, key: str) -> str:
        """Return the text of `key`, which is not blank; empty if it is missing."""
        found = self.find(key)
        return found.name() if found else ""

    def items_of(self, key: str) -> "list[Field]":
        """Return the list of `key`; empty if it is missing."""
        found = self.find(key)
        return found.items() if found else []

    def get(self, key: str) -> "Field":
        """Return the value of a required `key`."""
        found = self.find(key)
        if found is None:
            raise self.bad(f'an object with "{key}"', "none")
        return found


def read_json(path: Path) -> Field:
    text = read_text(path)
    return Field(path, "", parse(text, path, ""))


def read_lines(path: Path, stream: IO[bytes]) -> Iterator[Field]:
    """Read a stream with one JSON value per line, without blank lines."""
    for number, line in decoded_lines(path, stream):
        if line.strip():
            yield Field(path, f"line {number}", parse(line, path, f"line {number}: "))


def decoded_lines(path: Path, stream: IO[bytes]) -> Iterator[tuple[int, str]]:
    """Yield the lines of a UTF-8 stream with their numbers, from 1 on.

    Raises:
        BadImportFile: a line is not UTF-8, or too long for a text.
    """
    number = offset = 0
    while line := stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise BadImportFile(f"{path}: line {number}: expected at most {LONGEST_LINE:,} bytes")
        try:
            yield number, line.decode("utf-8-sig" if number == 1 else "utf-8").removesuffix("\n")
        except UnicodeDecodeError as error:
            where = f"{path}: line {number}, byte {offset + error.start + 1}"
            raise BadImportFile(f"{where}: expected UTF-8; save the file in this encoding") from None
        offset += len(line)


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


def _since_epoch(value: Any) -> datetime:
    found = datetime.fromtimestamp(float(value), UTC)
    if isinstance(value, bool) or found.year not in _YEARS:
        raise ValueError
    return found


def _parse_iso(text: str, zone: tzinfo) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
        return (found.replace(tzinfo=zone) if found.tzinfo is None else found).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _parse_date(text: str, form: str, zone: tzinfo) -> datetime | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _describe(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value if len(value) <= SHOWN else value[:SHOWN] + "...", ensure_ascii=False)
    return _KINDS.get(type(value), "something else")
