"""Text that comes in pieces and is read by generators, which yield when they need more of it."""

import re
from collections.abc import Generator
from typing import TypeAlias, TypeVar

T = TypeVar("T")
Wait: TypeAlias = Generator[None, None, T]

_SPACES = re.compile(r"\s*")
LONGEST_CLOSING = 64


class Tape:
    """Text read from its beginning; what was read is let go, but for one character to look back at."""

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
        """Return what was taken since the last time this was asked."""
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
        """Return the first match that ends within the next `count` characters, without taking it."""
        while True:
            found = pattern.search(self.text, self.at, self.at + count)
            grown = self.left >= count or self.ended
            if grown or (found and found.end() < len(self.text)):
                return found
            yield

    def spaces(self) -> Wait[None]:
        """Take white space."""
        while True:
            found = _SPACES.match(self.text, self.at)
            self.take(found.end() - self.at if found else 0)
            if self.left or self.ended:
                return
            yield

    def rest(self) -> Wait[None]:
        """Take all that is there and all that comes."""
        while True:
            self.take(self.left)
            if self.ended:
                return
            yield

    def through(self, pattern: re.Pattern[str]) -> Wait[str | None]:
        """Take all up to a match and the match too; return what stood before it, None if there is none.

        No match may be longer than `LONGEST_CLOSING`, and none may grow by text that follows.
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
