"""Tell tool calls from text, from the beginning of a reply to its end."""

import re
from collections.abc import Callable
from typing import TypeAlias

from memory.markup.fences import read_fence, read_ticks, read_whole_reply
from memory.markup.openings import MARK, PART
from memory.markup.reading import Reading
from memory.markup.tags import read_dsml, read_plain
from memory.markup.tape import Wait
from memory.markup.units import read_body, read_listed, read_python, read_token, read_wrapper

_Reader: TypeAlias = Callable[[Reading], Wait[None]]
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


def scan(reading: Reading) -> Wait[None]:
    """Read the tape to its end; yield whenever more of it is needed."""
    yield from read_whole_reply(reading)
    while True:
        mark = yield from reading.show_until(MARK.compiled, PART.compiled)
        if mark is None:
            return
        yield from _read(reading, mark)


def _read(reading: Reading, mark: re.Match[str]) -> Wait[None]:
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
