"""The end of a call: recorded, broken, or no call."""

import re
from typing import Any, TypeAlias

from memory.markup.argument_values import MalformedCall, as_arguments, loads, read_calls
from memory.markup.openings import CLOSING, MARK
from memory.markup.reader_state import ReaderState, Wait
from memory.text.text import LazyPattern

Calls: TypeAlias = list[tuple[str, dict[str, Any]]]

_AHEAD_CHARS = 64
_CLOSINGS = LazyPattern(rf"\s{{0,16}}(?:```\s{{0,8}})?(?:{CLOSING.source})", re.IGNORECASE)
_SURPLUS = re.compile(r"\s*[}\],]")
_HALF = re.compile(r"\s*|\n?[\w.:/-]{1,100}\s*")


def inner_mark(head: str) -> bool:
    """Return whether markup follows."""
    mark = MARK.compiled.match(head.lstrip())
    return mark is not None and mark.lastgroup not in {"fence", "ticks", "closing"}


def end_unstarted(reading: ReaderState, head: str) -> Wait[None]:
    """Show an opening without a call; at the end of the text record it as broken."""
    beyond = yield from reading.tape.ahead(len(head) + 1)
    if len(beyond) > len(head) or not _HALF.fullmatch(head):
        reading.show()
        return
    yield from reading.tape.rest()
    reading.spoil()


def finish(reading: ReaderState, found: Calls) -> Wait[bool]:
    """Record calls, broken markup for none, and drop the closings; return whether the markup ended."""
    head = yield from reading.tape.ahead(_AHEAD_CHARS)
    if not found or _SURPLUS.match(head):
        yield from give_up(reading)
        return True
    reading.call(*found)
    return (yield from take_closings(reading))


def give_up(reading: ReaderState) -> Wait[None]:
    """Record as broken all text up to the next closing or the end."""
    yield from reading.tape.through(CLOSING.compiled)
    reading.spoil()
    yield from take_closings(reading)


def take_closings(reading: ReaderState) -> Wait[bool]:
    """Drop the closings that follow and return whether there were any; without them white space is left."""
    any_closed = False
    while True:
        head = yield from reading.tape.ahead(_AHEAD_CHARS)
        found = _CLOSINGS.compiled.match(head)
        if found is None:
            return any_closed
        any_closed = True
        reading.tape.take(found.end())
        reading.drop()


def json_calls(text: str | None, *, strict: bool = False) -> Calls:
    """Parse the calls in JSON; none if it is invalid or cut off."""
    try:
        return [] if text is None else read_calls(loads(text), strict=strict)
    except MalformedCall:
        return []


def call_with_json(name: str, text: str | None) -> Calls:
    """Return a call of `name` with arguments in JSON; none without a name, or if the JSON is invalid."""
    try:
        return [] if text is None or not name else [(name, as_arguments(loads(text)))]
    except MalformedCall:
        return []


def single_call(name: str, arguments: dict[str, Any]) -> Calls:
    """Return a list of one call, empty without a name."""
    return [(name, arguments)] if name else []
