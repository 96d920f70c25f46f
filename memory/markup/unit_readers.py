"""Readers of markup with JSON or key-value pairs; each takes one call after its opening."""

import re
from typing import Any

from memory.markup.call_end import (
    call_with_json,
    end_unstarted,
    finish,
    give_up,
    inner_mark,
    json_calls,
    single_call,
)
from memory.markup.openings import PIPE
from memory.markup.reader_state import ReaderState, Wait, take_json

HEAD_CHARS = 160
_NAME = r"[\w.:/-]{1,100}"
_SEPARATOR = re.compile(rf"<{PIPE}tool[_▁](?:sep|call[_▁]argument[_▁]begin){PIPE}>", re.IGNORECASE)
_SEPARATED_NAME = re.compile(rf"\s*({_NAME})")
_FENCE = re.compile(r"\s*```(?:json)?(?=\s)", re.IGNORECASE)
_LISTED = re.compile(
    rf"\s*(?P<name>{_NAME})?\s*(?:\[CALL_ID\]\s*[\w-]{{1,64}}\s*)?(?:\[ARGS\])?\s*(?=[{{\[])", re.IGNORECASE
)
_KEYED = re.compile(rf"\s*(?P<name>{_NAME})(?=\s*(?:<arg_key>|</tool_call>|{{))", re.IGNORECASE)
_KEY = re.compile(r"\s*<arg_key>([^<]{1,100})</arg_key>\s*<arg_value>", re.IGNORECASE)
_VALUE_END = re.compile(r"</arg_value>", re.IGNORECASE)
_JSON = re.compile(r"\s*(?=[{\[])(?!\[TOOL_CALLS)", re.IGNORECASE)
_MORE_JSON = re.compile(r"\s*;?\s*(?=\[?\s*\{)")
_CODE = re.compile(r"\s*\w{1,64}(?:\.\w{1,64})?\(")


def read_body(reading: ReaderState) -> Wait[None]:
    """Read `<tool_call>`: JSON, key-value pairs, or other markup, which is left on the tape."""
    head = yield from reading.tape.ahead(HEAD_CHARS)
    keyed = _KEYED.match(head)
    if _JSON.match(head):
        yield from _read_json(reading)
    elif keyed:
        reading.tape.take(keyed.end())
        yield from _read_keyed(reading, keyed["name"])
    else:
        yield from read_wrapper(reading)


def read_wrapper(reading: ReaderState) -> Wait[None]:
    """Drop a wrapper; its calls are left on the tape."""
    head = yield from reading.tape.ahead(HEAD_CHARS)
    if _JSON.match(head):
        yield from _read_json(reading)
    elif inner_mark(head):
        yield from reading.tape.spaces()
        reading.drop()
    else:
        yield from end_unstarted(reading, head)


def read_python(reading: ReaderState) -> Wait[None]:
    """Read JSON after Llama's tag; code is recorded as broken."""
    head = yield from reading.tape.ahead(HEAD_CHARS)
    if _CODE.match(head):
        yield from give_up(reading)
    else:
        yield from read_wrapper(reading)


def read_listed(reading: ReaderState) -> Wait[None]:
    """Read Mistral's forms: a list, or a name and arguments."""
    head = yield from reading.tape.ahead(2 * HEAD_CHARS)
    listed = _LISTED.match(head)
    if listed is None:
        yield from end_unstarted(reading, head)
    elif listed["name"] is None:
        yield from _read_json(reading)
    else:
        reading.tape.take(listed.end())
        yield from _read_arguments(reading, listed["name"])


def read_token(reading: ReaderState) -> Wait[None]:
    """Read forms with special tokens: DeepSeek's older ones and Kimi's."""
    tape = reading.tape
    separator = yield from tape.found_ahead(_SEPARATOR, 2 * HEAD_CHARS)
    if separator is None:
        yield from give_up(reading)
        return
    before = tape.take(separator.start() - tape.at).strip()
    tape.take(len(separator[0]))
    name = re.sub(r":\d{1,9}$", "", before).removeprefix("functions.")
    if name == "function":
        name = yield from tape.take_match(_SEPARATED_NAME, HEAD_CHARS)
    yield from tape.take_match(_FENCE, HEAD_CHARS)
    yield from _read_arguments(reading, name.strip())


def _read_json(reading: ReaderState) -> Wait[None]:
    while True:
        yield from reading.tape.spaces()
        text = yield from take_json(reading.tape)
        closed = yield from finish(reading, json_calls(text))
        head = "" if closed else (yield from reading.tape.ahead(HEAD_CHARS))
        more = _MORE_JSON.match(head)
        if more is None:
            return
        reading.tape.take(more.end())


def _read_arguments(reading: ReaderState, name: str) -> Wait[None]:
    yield from reading.tape.spaces()
    head = yield from reading.tape.ahead(1)
    text = (yield from take_json(reading.tape)) if head == "{" else None
    yield from finish(reading, call_with_json(name, text))


def _read_keyed(reading: ReaderState, name: str) -> Wait[None]:
    """Read GLM's form: the name, then alternating keys and values, or JSON."""
    yield from reading.tape.spaces()
    head = yield from reading.tape.ahead(2 * HEAD_CHARS)
    if head.startswith("{"):
        yield from _read_arguments(reading, name)
        return
    arguments: dict[str, Any] = {}
    while key := _KEY.match(head):
        reading.tape.take(key.end())
        value = yield from reading.tape.through(_VALUE_END)
        if value is None:
            yield from give_up(reading)
            return
        arguments[key[1].strip()] = value
        head = yield from reading.tape.ahead(2 * HEAD_CHARS)
    yield from finish(reading, single_call(name, arguments))
