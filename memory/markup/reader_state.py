"""The state of parsing a reply: the tape of unread text, JSON on it, and the calls found so far."""

import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from memory.markup.argument_values import Tools, convert_types
from memory.markup.openings import LONGEST_PART
from memory.text.text import clip

T = TypeVar("T")
Wait: TypeAlias = Generator[None, None, T]

_SPACES = re.compile(r"\s*")
LONGEST_CLOSING = 64
MAX_BROKEN = 8
MAX_BROKEN_CHARS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenCall:
    name: str
    arguments: dict[str, Any]
    raw: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedReply:
    """A parsed reply: visible text, calls in order, and unreadable markup."""

    text: str
    calls: tuple[WrittenCall, ...]
    broken: tuple[str, ...]


class Tape:
    """A text buffer; read text is discarded, except one character for lookbehinds."""

    def __init__(self) -> None:
        self.text = ""
        self.at = 0
        self.ended = False
        self._record: list[str] = []

    def feed(self, piece: str) -> None:
        kept = max(0, self.at - 1)
        self.text = self.text[kept:] + piece
        self.at -= kept

    @property
    def left(self) -> int:
        return len(self.text) - self.at

    def take(self, count: int) -> str:
        taken = self.text[self.at : self.at + count]
        self.at += len(taken)
        self._record.append(taken)
        return taken

    def recorded(self) -> str:
        """Return and clear the text taken since the last call."""
        record, self._record = "".join(self._record), []
        return record

    def peek_record(self) -> str:
        return "".join(self._record)

    def ahead(self, count: int) -> Wait[str]:
        """Return the next `count` characters, fewer at the end, without taking them."""
        while self.left < count and not self.ended:
            yield
        return self.text[self.at : self.at + count]

    def found_ahead(self, pattern: re.Pattern[str], count: int) -> Wait[re.Match[str] | None]:
        """Return the first match within the next `count` characters, without taking it."""
        while True:
            found = pattern.search(self.text, self.at, self.at + count)
            grown = self.left >= count or self.ended
            if grown or (found and found.end() < len(self.text)):
                return found
            yield

    def take_match(self, pattern: re.Pattern[str], count: int) -> Wait[str]:
        """Take a match at the beginning of the next `count` characters, if any."""
        head = yield from self.ahead(count)
        found = pattern.match(head)
        return self.take(found.end() if found else 0)

    def spaces(self) -> Wait[None]:
        while True:
            found = _SPACES.match(self.text, self.at)
            self.take(found.end() - self.at if found else 0)
            if self.left or self.ended:
                return
            yield

    def rest(self) -> Wait[None]:
        """Take all text to the end of the stream."""
        while True:
            self.take(self.left)
            if self.ended:
                return
            yield

    def through(self, pattern: re.Pattern[str]) -> Wait[str | None]:
        """Take the text up to and including a match; return the text before it, or None without a match.

        A match is at most `LONGEST_CLOSING` characters, and later text must not extend it.
        """
        parts: list[str] = []
        while True:
            found = pattern.search(self.text, self.at)
            if found:
                parts.append(self.take(found.start() - self.at))
                self.take(found.end() - found.start())
                return "".join(parts)
            parts.append(self.take(self.left if self.ended else max(0, self.left - LONGEST_CLOSING)))
            if self.ended:
                return None
            yield


class ReaderState:
    """A reply being parsed: its tape, and the text and calls found."""

    def __init__(self, tools: Tools) -> None:
        self.tools = tools
        self.tape = Tape()
        self.calls: list[WrittenCall] = []
        self.broken: list[str] = []
        self._shown: list[str] = []

    @property
    def found_any(self) -> bool:
        return bool(self.calls or self.broken)

    def show(self) -> None:
        self._shown.append(self.tape.recorded())

    def drained(self) -> str:
        shown, self._shown = "".join(self._shown), []
        return shown

    def call(self, *calls: tuple[str, Mapping[str, Any]]) -> None:
        raw = self.tape.recorded().strip()
        for name, arguments in calls:
            self.calls.append(
                WrittenCall(name=name, arguments=convert_types(name, arguments, self.tools), raw=raw)
            )

    def spoil(self) -> None:
        raw = self.tape.recorded().strip()
        if len(self.broken) < MAX_BROKEN:
            self.broken.append(clip(raw, MAX_BROKEN_CHARS))

    def drop(self) -> None:
        self.tape.recorded()

    def show_until(self, pattern: re.Pattern[str], part: re.Pattern[str]) -> Wait[re.Match[str] | None]:
        """Show text up to the first match, which is left on the tape.

        Args:
            pattern: of the match; a match at the end of the text so far waits for the next character.
            part: the end of a text that may become a match.
        """
        tape = self.tape
        while True:
            found = pattern.search(tape.text, tape.at)
            settled = tape.ended or (found is not None and found.end() < len(tape.text))
            held = None if settled else part.search(tape.text, max(tape.at, len(tape.text) - LONGEST_PART))
            ends = [each.start() for each in (found, held) if each] or [len(tape.text)]
            tape.take(min(ends) - tape.at)
            self.show()
            if settled:
                return found
            yield


MAX_DEPTH = 64
_TOKEN = re.compile(r'[^"{}\[\]]++|"(?:[^"\\]++|\\.)*(?P<end>")?|[{}\[\]]', re.DOTALL)
_STRING = re.compile(r'(?:[^"\\]++|\\.)*(?P<end>")?', re.DOTALL)
_STEP = {"{": 1, "[": 1, "}": -1, "]": -1}


def take_json(tape: Tape) -> Wait[str | None]:
    """Take an object or a list; None when it is cut off or nested too deeply.

    In that case all following text is taken too, since it cannot be told from the value.
    """
    parts: list[str] = []
    depth = 0
    in_string = False
    while True:
        end, depth, in_string = _advance(tape.text, tape.at, depth, in_string)
        parts.append(tape.take(end - tape.at))
        if depth == 0 and end:
            return "".join(parts)
        if depth > MAX_DEPTH:
            yield from tape.rest()
        if tape.ended:
            tape.take(tape.left)
            return None
        yield


def _advance(text: str, at: int, depth: int, in_string: bool) -> tuple[int, int, bool]:
    """Read to the end of the value or of the text; a final backslash is left."""
    while at < len(text):
        token = (_STRING if in_string else _TOKEN).match(text, at)
        if token is None or token.end() == at:
            break
        at = token.end()
        if in_string or token[0][0] == '"':
            in_string = token["end"] is None
            continue
        depth += _STEP.get(token[0], 0)
        if not 0 < depth <= MAX_DEPTH:
            break
    return at, depth, in_string
