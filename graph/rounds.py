"""The rounds of tools of a turn: what the model asked for, as calls and as messages."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langchain_core.tools import BaseTool
from langgraph.types import Send

from graph.model_call import Said
from graph.state import Call, Exchange, Round, State, ToolResult, ToolsInput
from graph.tools.schemas import arguments_schema
from memory.markup import parse_calls, quotes_call
from memory.prompt import EVIDENCE_TAG
from memory.text import clip
from memory.tool_prompt import BRIDGE, LAST, fenced_output

MOST_CALLS = 8
"""Calls that one round may make."""
TOO_MANY = f"Not run: at most {MOST_CALLS} calls at once. Ask again in the next round."
UNREADABLE = "unreadable_call"
"""The name of a call that cannot be read."""
_ID_LENGTH = 9
"""What every endpoint takes as the id of a call: so many letters and digits."""
_SHOWN = 300
_ADDRESS = re.compile(r"https?://[^\s\"\\\\]+", re.IGNORECASE)
_COPIED = re.compile(rf"\s*<{EVIDENCE_TAG}>.*?(?:</{EVIDENCE_TAG}>|\Z)", re.DOTALL)


def exchange_of(state: State) -> Exchange:
    """Return the rounds of this turn; none for those of an earlier one."""
    turn_id, exchange = state["turn"].turn_id, state.get("exchange")
    return exchange if exchange and exchange.turn_id == turn_id else Exchange(turn_id=turn_id)


def results_of(state: State) -> list[ToolResult]:
    """Return what this turn's calls gave, in the order in which they were asked for."""
    by_key = {result.key: result for result in state.get("results", ())}
    return [by_key[call.key] for call in exchange_of(state).calls if call.key in by_key]


def open_calls(state: State) -> list[Call]:
    """Return the calls that the model asked for and that were not run yet."""
    done = {result.key for result in results_of(state)}
    return [call for call in exchange_of(state).calls if call.key not in done]


def after_respond(state: State) -> list[Send] | str:
    """Go to the tools, each call for itself, or on with the reply."""
    return [Send("tools", one) for one in tools_inputs(state)] or "ground"


def tools_inputs(state: State) -> list[ToolsInput]:
    """Return what each open call is run with."""
    outputs = [result.output for result in results_of(state)]
    foreign = any(result.foreign for result in results_of(state))
    seen = "\n".join([state["turn"].message, state["turn"].quote, *outputs])
    return [
        ToolsInput(
            turn=state["turn"], call=call, foreign=foreign, invented=names_new_address(call.arguments, seen)
        )
        for call in open_calls(state)
    ]


def names_new_address(arguments: Mapping[str, Any], seen: str) -> bool:
    """Say whether a call names an address of the web that does not stand in `seen` as it is."""
    found = _ADDRESS.findall(json.dumps(arguments, ensure_ascii=False))
    return any(address.rstrip("/") not in seen for address in found)


def round_messages(state: State, *, last: bool) -> list[AnyMessage]:
    """Return what follows the prompt: each round with its outputs, and what to do with them."""
    rounds, results = exchange_of(state).rounds, {result.key: result for result in results_of(state)}
    messages: list[AnyMessage] = []
    for one in rounds:
        calls: list[Any] = [{"id": c.id, "name": c.name, "args": c.arguments} for c in one.calls]
        messages.append(AIMessage(one.text, tool_calls=calls))
        messages += [_output(call, results.get(call.key)) for call in one.calls]
    return [*messages, HumanMessage(LAST if last else BRIDGE)] if messages else []


def shown_data(state: State) -> Iterator[str]:
    """Yield what the model was shown as data; a call that only repeats it is no call."""
    allocation, sheet = state.get("allocation"), state.get("fact_sheet")
    for memory in allocation.recalled if allocation else ():
        yield f"{memory.message}\n{memory.reply}"
    for turn in allocation.conversation if allocation else ():
        previews = (line.partition(" -> ")[2] for line in turn.evidence)
        yield "\n".join([turn.message, turn.reply, *previews])
    for fact in sheet.facts if sheet else ():
        yield f"{fact.key}: {fact.value}"
    yield state["turn"].quote
    yield from (result.output for result in results_of(state))


def read_round(said: Said, state: State, tools: Mapping[str, BaseTool]) -> Round:
    """Return the calls that the model asks for, be it as calls or in its text, and the text beside them."""
    exchange = exchange_of(state)
    asked = list(_as_calls(said))
    text = said.text
    if not asked:
        text, asked = _written(said.text, state, tools)
    text = _COPIED.sub("", text)
    calls: list[Call] = []
    for place, (given_id, name, arguments, wrong) in enumerate(asked):
        key = f"{exchange.turn_id}:{len(exchange.rounds)}:{place}"
        earlier = [*exchange.calls, *calls]
        wire_id = given_id if given_id and given_id not in {c.id for c in earlier} else _wire_id(key)
        problem = wrong or (TOO_MANY if place >= MOST_CALLS else "")
        call = Call(id=wire_id, key=key, name=name, arguments=arguments, problem=problem)
        calls.append(_unless_repeated(call, exchange.calls))
    return Round(text=text, calls=calls)


_Asked = tuple[str, str, dict[str, Any], str]
"""The id given by the model, name, arguments, and what is wrong with the call."""


def _as_calls(said: Said) -> Iterator[_Asked]:
    for call in said.calls:
        yield call["id"] or "", call["name"], dict(call["args"]), ""
    for broken in said.unreadable:
        shown = clip(broken["args"] or "", _SHOWN)
        yield broken["id"] or "", broken["name"] or UNREADABLE, {}, f"The arguments are not JSON: {shown}"


def _written(text: str, state: State, tools: Mapping[str, BaseTool]) -> tuple[str, list[_Asked]]:
    """Return the calls that stand in a text, and what else does; what is only quoted stays text."""
    parsed = parse_calls(text, {name: arguments_schema(tool) for name, tool in tools.items()})
    if not parsed.calls and not parsed.broken:
        return text, []
    data = list(shown_data(state))
    if any(quotes_call(call, data) for call in parsed.calls):
        return text, []
    asked: list[_Asked] = [("", call.name, call.arguments, "") for call in parsed.calls]
    asked += [("", UNREADABLE, {}, f"This call cannot be read: {clip(raw, _SHOWN)}") for raw in parsed.broken]
    return parsed.text, asked[: 2 * MOST_CALLS]


def _unless_repeated(call: Call, earlier: Sequence[Call]) -> Call:
    same = any(call.name == other.name and call.arguments == other.arguments for other in earlier)
    if call.problem or not same:
        return call
    problem = "Not run again: you made this very call before, and its output stands above."
    return Call(id=call.id, key=call.key, name=call.name, arguments=call.arguments, problem=problem)


def _output(call: Call, result: ToolResult | None) -> ToolMessage:
    output = result.output if result else "Not run."
    return ToolMessage(fenced_output(output), tool_call_id=call.id, name=call.name)


def _wire_id(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:_ID_LENGTH]


def arguments_text(arguments: Mapping[str, Any]) -> str:
    """Return arguments as people read them."""
    return ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in arguments.items())
