"""How the reading of a call ends: it is noted, given up as broken, or was none."""

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from memory.markup.argument_values import Unreadable, as_arguments, loads, named
from memory.markup.openings import CLOSING, MARK
from memory.markup.reader_state import Reading, Wait
from memory.text.lazy_pattern import LazyPattern

Calls: TypeAlias = list[tuple[str, dict[str, Any]]]

_AHEAD_CHARS = 64
_CLOSINGS = LazyPattern(rf"\s{{0,16}}(?:```\s{{0,8}})?(?:{CLOSING.source})", re.IGNORECASE)
_SURPLUS = re.compile(r"\s*[}\],]")
_HALF = re.compile(r"\s*|\n?[\w.:/-]{1,100}\s*")


def inner_mark(head: str) -> bool:
    """Tell whether markup follows."""
    mark = MARK.compiled.match(head.lstrip())
    return mark is not None and mark.lastgroup not in {"fence", "ticks", "closing"}


def not_begun(reading: Reading, head: str) -> Wait[None]:
    """Show an opening that nothing of a call follows; at the end of the text it is half a call."""
    beyond = yield from reading.tape.ahead(len(head) + 1)
    if len(beyond) > len(head) or not _HALF.fullmatch(head):
        reading.show()
        return
    yield from reading.tape.rest()
    reading.spoil()


def finish(reading: Reading, calls: Callable[[], Calls]) -> Wait[bool]:
    """Note the calls that were taken from the tape, and take the closings; tell whether there were any."""
    head = yield from reading.tape.ahead(_AHEAD_CHARS)
    try:
        found = [] if _SURPLUS.match(head) else calls()
    except Unreadable:
        found = []
    if not found:
        yield from give_up(reading)
        return True
    reading.call(*found)
    return (yield from take_closings(reading))


def give_up(reading: Reading) -> Wait[None]:
    """Note as broken what was taken and all up to the next closing, or to the end."""
    yield from reading.tape.through(CLOSING.compiled)
    reading.spoil()
    yield from take_closings(reading)


def take_closings(reading: Reading) -> Wait[bool]:
    """Drop the closings that follow, and tell whether any did; white space is left when there are none."""
    any_closed = False
    while True:
        head = yield from reading.tape.ahead(_AHEAD_CHARS)
        found = _CLOSINGS.compiled.match(head)
        if found is None:
            return any_closed
        any_closed = True
        reading.tape.take(found.end())
        reading.drop()


def stated(text: str | None) -> Calls:
    """Return the calls that JSON states."""
    return named(_required(text), strict=False)


def stated_arguments(name: str, text: str | None) -> Calls:
    """Return the call of `name` with arguments in JSON."""
    return whole(name, as_arguments(_required(text)))


def whole(name: str, arguments: dict[str, Any]) -> Calls:
    """Return the call, if it has a name."""
    return [(name, arguments)] if name else []


def _required(text: str | None) -> Any:
    if text is None:
        raise Unreadable("the text ends before its JSON does")
    return loads(text)
