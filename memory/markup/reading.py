"""The state of one reading of a reply."""

import re
from collections.abc import Mapping
from typing import Any

from memory.markup.models import WrittenCall
from memory.markup.openings import LONGEST_PART
from memory.markup.tape import Tape, Wait
from memory.markup.values import Tools, typed
from memory.text import clip

MAX_BROKEN = 8
MAX_BROKEN_CHARS = 400


class Reading:
    """A reply on its way from text to calls: the tape, and what was found so far."""

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
        """Show what was taken from the tape since it was last shown, called or dropped."""
        self._shown.append(self.tape.recorded())

    def drained(self) -> str:
        shown, self._shown = "".join(self._shown), []
        return shown

    def call(self, *calls: tuple[str, Mapping[str, Any]]) -> None:
        """Note calls, written as what was taken from the tape last."""
        raw = self.tape.recorded().strip()
        for name, arguments in calls:
            self.calls.append(WrittenCall(name=name, arguments=typed(name, arguments, self.tools), raw=raw))

    def spoil(self) -> None:
        """Note that what was taken from the tape last is markup that cannot be read."""
        raw = self.tape.recorded().strip()
        if len(self.broken) < MAX_BROKEN:
            self.broken.append(clip(raw, MAX_BROKEN_CHARS))

    def drop(self) -> None:
        self.tape.recorded()

    def show_until(self, pattern: re.Pattern[str], part: re.Pattern[str]) -> Wait[re.Match[str] | None]:
        """Show text up to the first match, which is left on the tape.

        Args:
            pattern: what is looked for; a match at the end of what is there waits for the next character.
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
