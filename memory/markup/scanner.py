"""Scanner that dispatches each opening in a reply to its reader."""

import re
from collections.abc import Callable
from typing import TypeAlias

from memory.markup.argument_values import Tools
from memory.markup.code_fences import read_fence, read_ticks, read_whole_reply
from memory.markup.openings import MARK, PART
from memory.markup.reader_state import ParsedReply, ReaderState, Wait
from memory.markup.tag_readers import read_dsml, read_plain
from memory.markup.unit_readers import read_body, read_listed, read_python, read_token, read_wrapper

_Reader: TypeAlias = Callable[[ReaderState], Wait[None]]
_BEHIND_OPENING: dict[str, _Reader] = {
    "body": read_body,
    "wrapper": read_wrapper,
    "token": read_token,
    "python": read_python,
    "listed": read_listed,
}
_AT_OPENING: dict[str, _Reader] = {
    "dsml": read_dsml,
    "invoke": read_plain,
    "function": read_plain,
    "fence": read_fence,
}


def scan(reading: ReaderState) -> Wait[None]:
    """Read the tape to its end; yield when more text is needed."""
    yield from read_whole_reply(reading)
    while True:
        mark = yield from reading.show_until(MARK.compiled, PART.compiled)
        if mark is None:
            return
        yield from _read(reading, mark)


def _read(reading: ReaderState, mark: re.Match[str]) -> Wait[None]:
    kind = mark.lastgroup or ""
    if kind in _AT_OPENING:
        yield from _AT_OPENING[kind](reading)
        return
    reading.tape.take(len(mark[0]))
    if kind in _BEHIND_OPENING:
        yield from _BEHIND_OPENING[kind](reading)
    elif kind == "ticks":
        yield from read_ticks(reading, len(mark[0]))
    elif reading.found_any:
        reading.drop()
    else:
        reading.show()


def parse_calls(text: str, tools: Tools) -> ParsedReply:
    """Take the written tool calls out of a reply.

    Explicit markup is a call whatever tool it names; bare JSON, alone or in a fence, only when it names an
    offered one. What stands in inline code or in another code fence is text.

    Args:
        text: the whole reply.
        tools: the JSON schema of the arguments of each tool offered.
    """
    reading = ReaderState(tools)
    reading.tape.feed(text)
    reading.tape.ended = True
    next(scan(reading), None)
    return ParsedReply(
        text=reading.drained().strip(), calls=tuple(reading.calls), broken=tuple(reading.broken)
    )


class VisibleText:
    """Filter a stream: give what is certainly text, hold back what may be markup, drop what is."""

    def __init__(self, tools: Tools) -> None:
        self._reading = ReaderState(tools)
        self._steps = scan(self._reading)
        next(self._steps, None)

    def feed(self, piece: str) -> str:
        """Take the next piece of the reply and return what may be shown now."""
        self._reading.tape.feed(piece)
        next(self._steps, None)
        return self._reading.drained()

    def end(self) -> str:
        """Return what was held back and is text after all; the reply ends here."""
        self._reading.tape.ended = True
        next(self._steps, None)
        return self._reading.drained()
