"""Readers of markup in tags: DSML, `<invoke name=...>` and `<function=...>`."""

import re
from dataclasses import dataclass
from typing import Any

from memory.markup.argument_values import MalformedCall, loads
from memory.markup.call_end import call_with_json, end_unstarted, finish, give_up, inner_mark, single_call
from memory.markup.openings import PIPE
from memory.markup.reader_state import ReaderState, Wait, take_json

MAX_TAG_CHARS = 300
_BARS = rf"{PIPE}DSML{PIPE}"
_SLASH = "[/／]"
_TAG_END = re.compile("[>＞]")
_ATTRIBUTE = re.compile(r"""(?:\bname\s*)?=\s*(?:"(?P<a>[^"]*)"|'(?P<b>[^']*)'|(?P<c>[^\s>/]+))""")
_IS_STRING = re.compile(r"""\bstring\s*=\s*["']?(true|false)""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Flavour:
    parameter: re.Pattern[str]
    parameter_end: re.Pattern[str]
    end: re.Pattern[str]
    call: re.Pattern[str]
    verbatim: bool


def _flavour(prefix: str, *, verbatim: bool) -> Flavour:
    opens, closes = f"[<＜]{prefix}", f"[<＜]{_SLASH}{prefix}"
    words = "invoke|function|tool_call|(?:function_|tool_)?calls"
    return Flavour(
        parameter=re.compile(rf"{opens}\s*parameter\b(?=[\s=])", re.IGNORECASE),
        parameter_end=re.compile(rf"{closes}[ ]{{0,2}}parameter\s{{0,4}}[>＞]", re.IGNORECASE),
        end=re.compile(rf"{closes}\s*(?:{words})\b", re.IGNORECASE),
        call=re.compile(rf"{opens}\s*(?:invoke\b(?=[\s=])|function(?==))", re.IGNORECASE),
        verbatim=verbatim,
    )


DSML = _flavour(_BARS, verbatim=True)
PLAIN = _flavour(r"(?:\w{1,16}:)?", verbatim=False)
_DSML_WRAPPER = re.compile(rf"[<＜]{_BARS}\s*(?:function_|tool_)?calls\s*[>＞]", re.IGNORECASE)
_DSML_END = re.compile(rf"[<＜]{_SLASH}{_BARS}", re.IGNORECASE)


def read_dsml(reading: ReaderState) -> Wait[None]:
    """Read a DSML tag: drop wrappers, read calls, record others as broken."""
    tag = yield from _tag(reading)
    if _DSML_END.match(tag):
        reading.drop()
    elif DSML.call.match(tag):
        yield from _read_call(reading, tag, DSML)
    elif _DSML_WRAPPER.match(tag):
        yield from _read_dsml_wrapper(reading)
    else:
        yield from give_up(reading)


def _read_dsml_wrapper(reading: ReaderState) -> Wait[None]:
    head = yield from reading.tape.ahead(MAX_TAG_CHARS)
    if inner_mark(head):
        yield from reading.tape.spaces()
        reading.drop()
    else:
        reading.spoil()


def read_plain(reading: ReaderState) -> Wait[None]:
    """Read `<invoke name=...>` or `<function=...>`; a tag without an end is text."""
    found = yield from reading.tape.found_ahead(_TAG_END, MAX_TAG_CHARS)
    if found is None and reading.tape.left >= MAX_TAG_CHARS:
        reading.tape.take(1)
        reading.show()
        return
    tag = yield from _tag(reading)
    if found is None:
        yield from end_unstarted(reading, "")
    else:
        yield from _read_call(reading, tag, PLAIN)


def _tag(reading: ReaderState) -> Wait[str]:
    """Take a tag; without an end, at most `MAX_TAG_CHARS`."""
    found = yield from reading.tape.found_ahead(_TAG_END, MAX_TAG_CHARS)
    tape = reading.tape
    return tape.take(found.end() - tape.at if found else MAX_TAG_CHARS)


def _read_call(reading: ReaderState, tag: str, flavour: Flavour) -> Wait[None]:
    name = _name(tag)
    if tag.rstrip(">＞ ").endswith("/"):
        yield from finish(reading, single_call(name, {}))
        return
    yield from reading.tape.spaces()
    head = yield from reading.tape.ahead(1)
    if head == "{":
        text = yield from take_json(reading.tape)
        yield from finish(reading, call_with_json(name, text))
        return
    arguments = yield from _arguments(reading, flavour)
    if arguments is None:
        yield from give_up(reading)
    else:
        yield from finish(reading, single_call(name, arguments))


def _name(tag: str) -> str:
    found = _ATTRIBUTE.search(tag)
    return (found["a"] or found["b"] or found["c"] or "").strip() if found else ""


def _arguments(reading: ReaderState, flavour: Flavour) -> Wait[dict[str, Any] | None]:
    """Take parameters up to the call's closing or the end of the text; None if one is incomplete."""
    arguments: dict[str, Any] = {}
    while True:
        yield from reading.tape.spaces()
        head = yield from reading.tape.ahead(MAX_TAG_CHARS)
        if not head or flavour.end.match(head):
            return arguments
        tag = (yield from _tag(reading)) if flavour.parameter.match(head) else ""
        value = (
            (yield from reading.tape.through(flavour.parameter_end)) if tag.endswith((">", "＞")) else None
        )
        if value is None or not _name(tag):
            return None
        arguments[_name(tag)] = _value(value, tag, flavour)


def _value(value: str, tag: str, flavour: Flavour) -> Any:
    stated = _IS_STRING.search(tag)
    if stated and stated[1].casefold() == "false":
        try:
            return loads(value)
        except MalformedCall:
            return value
    return value if flavour.verbatim else value.removeprefix("\n").removesuffix("\n")
