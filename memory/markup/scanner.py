"""Scanner that dispatches each opening in a reply to its reader; readers of code, and of bare JSON."""

import re
from collections.abc import Callable
from typing import TypeAlias

from memory.markup.argument_values import ARGUMENT_KEYS, NAME_KEYS, Tools
from memory.markup.call_end import Calls, json_calls
from memory.markup.openings import MARK, PART, fence_end
from memory.markup.reader_state import ParsedReply, ReaderState, Wait, take_json
from memory.markup.tag_readers import read_dsml, read_plain
from memory.markup.unit_readers import read_body, read_listed, read_python, read_token, read_wrapper

MAX_INLINE_CHARS = 200
MAX_HEAD_CHARS = 200
_MAX_LINE_CHARS = 120
_CALL_FENCES = frozenset(("json", "tool_call", "tool_calls", "tool", "function_call", "tool_code"))
_KNOWN_KEYS = frozenset((*NAME_KEYS, *ARGUMENT_KEYS, "id", "type"))
_FENCE = re.compile(r"[ \t]*(?P<fence>`{3,}|~{3,})(?P<info>[^\n]*)")
_NEWLINE = re.compile(r"\n")
_BEGUN = re.compile(r'\s*(?:\[\s*)?(?:\{\s*(?:"\w*)?)?')
_KEY = re.compile(r'\s*(?:\[\s*)?\{\s*"(?P<key>\w{1,24})"')
_VALUE = re.compile(r'\s*:\s*(?:"(?P<value>[^"\\]{0,120})"|(?P<other>[^\s"]))')
_VALUE_BEGUN = re.compile(r'\s*(?::\s*(?:"[^"\\]*)?)?')
_NAMED = re.compile(rf'"(?:{"|".join(NAME_KEYS)})"\s*:\s*"(?P<value>[^"\\]*)"')
_MORE = re.compile(r"\s*(?:[;,]\s*)?(?=[{\[])")


def read_ticks(reading: ReaderState, count: int) -> Wait[None]:
    """Show inline code; backticks without a closing soon in their line are shown alone."""
    closing = re.compile(rf"(?<!`)`{{{min(count, 99)}}}(?!`)|\n")
    end = yield from reading.tape.found_ahead(closing, MAX_INLINE_CHARS)
    if end and end[0] != "\n":
        reading.tape.take(end.end() - reading.tape.at)
    reading.show()


def read_fence(reading: ReaderState) -> Wait[None]:
    """Read a code fence: JSON may be a call, other code is shown."""
    tape = reading.tape
    newline = yield from tape.found_ahead(_NEWLINE, _MAX_LINE_CHARS)
    end = newline.end() if newline else tape.at + _MAX_LINE_CHARS
    line = tape.text[tape.at : end]
    fence, info = line.strip(), ""
    if found := _FENCE.match(line):
        fence, info = found["fence"], found["info"]
    if fence[0] == "`" in info:
        tape.take(len(line) - len(info) - len(newline[0] if newline else ""))
        yield from read_ticks(reading, len(fence))
        return
    tape.take(len(line))
    called = info.strip().casefold() in _CALL_FENCES and (yield from _read_calls(reading, fence))
    if not called:
        yield from _show_fence(reading, fence)


def _show_fence(reading: ReaderState, fence: str) -> Wait[None]:
    """Show what was taken, and the rest of a fence with its closing line."""
    reading.show()
    end = yield from reading.show_until(*fence_end(fence))
    reading.tape.take(len(end[0]) if end else 0)
    reading.show()


def read_whole_reply(reading: ReaderState) -> Wait[None]:
    """Read a reply that is only JSON calls; show the start of any other."""
    yield from reading.tape.spaces()
    if (yield from _may_be_call(reading)):
        yield from _read_calls(reading, "")
    reading.show()


def _read_calls(reading: ReaderState, fence: str) -> Wait[bool]:
    """Read JSON that fills a fence or the text; return whether it was calls, or an incomplete call.

    If not, what was taken remains to be shown.
    """
    tape = reading.tape
    calls: Calls = []
    while (yield from _may_be_call(reading)):
        yield from tape.spaces()
        text = yield from take_json(tape)
        if text is None:
            return _spoilt(reading)
        stated = json_calls(text, strict=True)
        if not stated or any(name not in reading.tools for name, _ in stated):
            return False
        calls += stated
        yield from tape.take_match(_MORE, MAX_HEAD_CHARS)
    if not calls:
        return False
    yield from tape.spaces()
    if tape.left and not (fence and (yield from tape.take_match(_closing(fence), MAX_HEAD_CHARS))):
        return False
    reading.call(*calls)
    return True


def _closing(fence: str) -> re.Pattern[str]:
    return re.compile(rf"{fence[0]}{{{min(len(fence), 12)},99}}[ \t]{{0,12}}(?=\n|\Z)")


def _spoilt(reading: ReaderState) -> bool:
    """Record an incomplete call of an offered tool as broken; return whether it was one."""
    raw = reading.tape.peek_record()
    name = _NAMED.search(raw[:MAX_HEAD_CHARS])
    if name is None or name["value"] not in reading.tools:
        return False
    reading.spoil()
    return True


def _may_be_call(reading: ReaderState) -> Wait[bool]:
    """Return whether the tape begins with JSON that may be a call of an offered tool."""
    tape = reading.tape
    while True:
        may = _judge(tape.text[tape.at : tape.at + MAX_HEAD_CHARS], reading.tools)
        if may is not None:
            return may
        if tape.ended or tape.left >= MAX_HEAD_CHARS:
            return False
        yield


def _judge(head: str, tools: Tools) -> bool | None:
    """Return None while undecided."""
    key = _KEY.match(head)
    if key is None:
        return None if _BEGUN.fullmatch(head) else False
    if key["key"] not in NAME_KEYS:
        return key["key"] in _KNOWN_KEYS
    value = _VALUE.match(head, key.end())
    if value is None:
        return None if _VALUE_BEGUN.fullmatch(head, key.end()) else False
    return value["value"] in tools if value["other"] is None else value["other"] == "{"


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
    offered one. Inline code and other code fences are text.

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
    """Filters a stream: returns what is certainly text, holds back possible markup, drops markup."""

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
