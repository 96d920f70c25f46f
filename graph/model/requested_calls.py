"""Tool calls that the model requests, as structured calls or in its text."""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from langchain_core.tools import BaseTool

from graph.exchange import Call, Round
from graph.model.model_call import ModelAnswer
from graph.model.tool_rounds import exchange_of, shown_data
from graph.state.turn_state import State
from graph.tools.traits import arguments_schema
from memory.markup import parse_calls, quotes_call
from memory.prompt.prompt import EVIDENCE_TAG
from memory.text.text import clean, shortened

MOST_CALLS = 8
"""Limit on a round's calls; as many again are refused with a message, the rest is dropped."""
TOO_MANY = f"Not run: at most {MOST_CALLS} calls at once. Ask again in the next round."
REPEATED = "Not run again: you made this very call before, and its output stands above."
UNREADABLE = "unreadable_call"
"""Name of a call that cannot be parsed."""
_ID_LENGTH = 9
"""Length of call ids; every endpoint accepts nine letters and digits."""
_SHOWN = 300
_WIRE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""Names and ids that every endpoint accepts."""
_COPIED_EVIDENCE = re.compile(rf"\s*<{EVIDENCE_TAG}>\s*(?:called .*?)?(?:</{EVIDENCE_TAG}>|\Z)", re.DOTALL)

_RequestedCall = tuple[str, str, Mapping[str, Any], str]
"""The model's id for the call, name, arguments, and the problem."""
DEEPEST, MOST_CHARS = 32, 100_000
_LARGEST = 2**63


def read_round(said: ModelAnswer, state: State, tools: Mapping[str, BaseTool]) -> Round:
    """Parse the calls in the model's answer, and the text around them."""
    exchange = exchange_of(state)
    text = said.text
    asked: list[_RequestedCall] = [
        (str(call["id"] or ""), str(call["name"] or ""), call["args"], "") for call in said.calls
    ]
    for broken in said.unreadable:
        problem = f"The arguments are not JSON: {shortened(broken['args'] or '', _SHOWN)}"
        asked.append((str(broken["id"] or ""), str(broken["name"] or UNREADABLE), {}, problem))
    if not asked:
        text, asked = _calls_in_text(said.text, state, tools)
    calls: list[Call] = []
    for place, one in enumerate(asked[: 2 * MOST_CALLS]):
        earlier = [*exchange.calls, *calls]
        call = _call(one, f"{exchange.turn_id}:{len(exchange.rounds)}:{place}", earlier)
        calls.append(replace(call, problem=call.problem or (TOO_MANY if place >= MOST_CALLS else "")))
    return Round(text=_COPIED_EVIDENCE.sub("", text), calls=calls)


def _call(asked: _RequestedCall, key: str, earlier: Sequence[Call]) -> Call:
    given_id, name, given, wrong = asked
    arguments, unfit = clean_arguments(given)
    taken = {call.id for call in earlier}
    if not _WIRE_NAME.fullmatch(given_id) or given_id in taken:
        given_id = hashlib.sha256(key.encode()).hexdigest()[:_ID_LENGTH]
    if not _WIRE_NAME.fullmatch(name):
        wrong = wrong or f"There is no tool {name[:100]!r}."
        name = UNREADABLE
    problem = wrong or unfit
    if not problem and any(call.name == name and call.arguments == arguments for call in earlier):
        problem = REPEATED
    return Call(id=given_id, key=key, name=name, arguments=arguments, problem=problem)


def _calls_in_text(
    text: str, state: State, tools: Mapping[str, BaseTool]
) -> tuple[str, list[_RequestedCall]]:
    """Return a text without its calls, and the calls; calls that are quoted from data stay text."""
    parsed = parse_calls(text, {name: arguments_schema(tool) for name, tool in tools.items()})
    if not parsed.calls and not parsed.broken:
        return text, []
    data = list(shown_data(state))
    if any(quotes_call(call, data) for call in parsed.calls[: 2 * MOST_CALLS]):
        return text, []
    asked: list[_RequestedCall] = [("", call.name, call.arguments, "") for call in parsed.calls]
    asked += [
        ("", UNREADABLE, {}, f"This call cannot be read: {shortened(raw, _SHOWN)}") for raw in parsed.broken
    ]
    return parsed.text, asked


class _UnusableValue(Exception):
    """A value cannot be stored; says why."""


def clean_arguments(arguments: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the arguments as every store can hold them, and the problem; one of the two is empty."""
    try:
        cleaned = {clean(str(name)): _clean_value(value, 1) for name, value in arguments.items()}
    except _UnusableValue as error:
        return {}, f"The arguments cannot be used: {error}."
    if len(json.dumps(cleaned, ensure_ascii=False)) > MOST_CHARS:
        return {}, f"The arguments cannot be used: they have more than {MOST_CHARS} characters."
    return cleaned, ""


def _clean_value(value: Any, depth: int) -> Any:
    if depth > DEEPEST:
        raise _UnusableValue(f"they are nested more than {DEEPEST} deep")
    match value:
        case str():
            return clean(value)
        case bool() | None:
            return value
        case int() | float():
            return _clean_number(value)
        case Mapping():
            return {clean(str(name)): _clean_value(one, depth + 1) for name, one in value.items()}
        case list() | tuple():
            return [_clean_value(one, depth + 1) for one in value]
    raise _UnusableValue(f"they hold a {type(value).__name__}")


def _clean_number(value: float) -> float:
    if not math.isfinite(value):
        raise _UnusableValue("a number is not finite")
    if isinstance(value, int) and abs(value) >= _LARGEST:
        raise _UnusableValue("a number is too large")
    return value
