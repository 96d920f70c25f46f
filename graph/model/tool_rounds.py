"""The tool rounds of a turn: their status, their messages to the model, and the calls in its answers."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langchain_core.tools import BaseTool
from langgraph.types import Send

from graph.checkpoint.serde import revive_state
from graph.exchange import Call, Exchange, Fitting, Grounding, Round, ToolResult
from graph.model.model_call import ModelAnswer
from graph.state.circumstances import reply_id
from graph.state.recall import conversation_of, recalled_of
from graph.state.turn_state import State
from graph.state.updates import ToolsInput
from graph.tools.destinations import GivenText, leads_elsewhere
from graph.tools.traits import arguments_schema, clean_arguments
from memory.markup import parse_calls, quotes_call
from memory.prompt.prompt import EVIDENCE_TAG
from memory.prompt.tool_text import BRIDGE, LAST, fenced_output
from memory.text.text import shortened

_OWN_WRITING = frozenset({"search_memory", "delegate_status", "get_recent_logs"})
"""Tools whose output contains text by the model."""
_LONGEST_OTHER = 300
"""Characters of a call that is named in the question about another."""
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


def exchange_of(state: State) -> Exchange:
    """Return this turn's rounds; the state may hold an earlier turn's."""
    turn_id, exchange = state["turn"].turn_id, state.get("exchange")
    return exchange if exchange and exchange.turn_id == turn_id else Exchange(turn_id=turn_id)


def results_of(state: State) -> list[ToolResult]:
    """Return the results of this turn's calls, in the order of the calls."""
    by_key = {result.key: result for result in state.get("results", ())}
    return [by_key[call.key] for one in exchange_of(state).rounds for call in one.calls if call.key in by_key]


def attachments(state: State) -> list[str]:
    return [path for result in results_of(state) for path in result.attachments]


def grounding_of(state: State) -> Grounding:
    """Return the grounding of this turn's figures; empty for a turn without tools."""
    turn_id, grounding = state["turn"].turn_id, state.get("grounding")
    return grounding if grounding and grounding.turn_id == turn_id else Grounding(turn_id=turn_id)


def fitting_of(state: State) -> Fitting:
    """Return the fitting of this turn's requests."""
    turn_id, fitting = state["turn"].turn_id, state.get("fitting")
    return fitting if fitting and fitting.turn_id == turn_id else Fitting(turn_id=turn_id)


async def after_respond(state: State) -> list[Send] | str:
    """Route to the tools, one task for each call, or to the reply, which without tools needs no grounding.

    A prompt that was refused as too long goes back to `budget`. The state may hold plain JSON here, when
    Studio's user has edited it as this node. A coroutine, because LangGraph runs functions in threads.

    Raises:
        BadState: the edited value is invalid.
    """
    state = revive_state(state)
    if fitting_of(state).again:
        return "budget"
    if not exchange_of(state).rounds:
        return "archive"
    return [Send("tools", one) for one in tools_inputs(state)] or "ground"


def tools_inputs(state: State) -> list[ToolsInput]:
    foreign, given = is_tainted(state), list(_address_sources(state))
    done = {result.key for result in results_of(state)}
    calls = [call for call in exchange_of(state).calls if call.key not in done]
    return [
        ToolsInput(
            turn=state["turn"],
            call=call,
            foreign=foreign,
            invented=leads_elsewhere(call.arguments, given),
            others=[_shown(other) for other in calls if other.key != call.key],
        )
        for call in calls
    ]


def _shown(call: Call) -> str:
    return shortened(f"{call.name} {json.dumps(call.arguments, ensure_ascii=False)}", _LONGEST_OTHER)


def _address_sources(state: State) -> Iterator[GivenText]:
    """Yield what an address may come from: the message, its parts, and what was read outside.

    Text by the model is excluded, as the model could have put the address there: arguments, failures that
    repeat them, replies, and outputs of tools that return replies.
    """
    turn, asked = state["turn"], {call.key: call.arguments for call in exchange_of(state).calls}
    yield GivenText(turn.message)
    yield from (GivenText(part.text) for part in turn.parts)
    yield from (
        GivenText(result.output, asked[result.key])
        for result in results_of(state)
        if result.ok and result.foreign and result.name not in _OWN_WRITING
    )


def is_tainted(state: State) -> bool:
    read = [result.foreign for result in results_of(state)]
    past = [turn.foreign for turn in conversation_of(state)]
    return any((state["turn"].from_others, *read, *past, *(memory.foreign for memory in recalled_of(state))))


def longest_output(state: State) -> int:
    """Return the length of the longest text in the turn's rounds."""
    results, rounds = results_of(state), exchange_of(state).rounds
    given = (str(value) for one in rounds for call in one.calls for value in call.arguments.values())
    texts = (*(result.output for result in results), *(one.text for one in rounds), *given)
    return max(map(len, texts), default=0)


def last_message_id(state: State) -> str:
    """Return the id of the model's next message in the chat view, or of its reply."""
    return reply_id(state["turn"].turn_id, len(exchange_of(state).rounds))


def round_messages(state: State, *, last: bool, cap: int) -> list[AnyMessage]:
    """Return the messages after the prompt: each round with its outputs, then an instruction.

    Each of their texts is cut to `cap` characters and a note.
    """
    rounds, results = exchange_of(state).rounds, {result.key: result for result in results_of(state)}
    messages: list[AnyMessage] = []
    for one in rounds:
        messages.append(request_message(one, cap))
        messages += [_output(call, results.get(call.key), cap) for call in one.calls]
    return [*messages, HumanMessage(LAST if last else BRIDGE)] if messages else []


def request_message(asked: Round, cap: int, message_id: str | None = None) -> AIMessage:
    """Return the model's request for tools; its texts are cut to `cap` characters and a note."""
    calls: list[Any] = [
        {"id": call.id, "name": call.name, "args": _capped(call.arguments, cap)} for call in asked.calls
    ]
    return AIMessage(shortened(asked.text, cap), id=message_id, tool_calls=calls)


def shown_data(state: State) -> Iterator[str]:
    """Yield the data in the prompt; a call that quotes it is not a call."""
    sheet = state.get("fact_sheet")
    for memory in recalled_of(state):
        yield f"{memory.said}\n{memory.reply}"
    for turn in conversation_of(state):
        previews = (line.partition(" -> ")[2] for line in turn.evidence)
        yield "\n".join([turn.said, turn.reply, *previews])
    for fact in sheet.facts if sheet else ():
        yield f"{fact.key}: {fact.value}"
    yield from (f"{part.title}\n{part.text}" for part in state["turn"].parts)
    yield from (result.output for result in results_of(state))


def _capped(arguments: Mapping[str, Any], cap: int) -> dict[str, Any]:
    return {name: shortened(v, cap) if isinstance(v, str) else v for name, v in arguments.items()}


def _output(call: Call, result: ToolResult | None, cap: int) -> ToolMessage:
    output = shortened(result.output, cap) if result else "Not run."
    return ToolMessage(fenced_output(output), tool_call_id=call.id, name=call.name)


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
