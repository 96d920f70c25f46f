"""The graph of a job's step: a bounded loop of model calls and read-only tools."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

from langchain_core.messages import AnyMessage
from langchain_core.tools import BaseTool
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Send

from graph.delegation.role_call import OUT_OF_TIME, ask_role, is_late, problem_of
from graph.delegation.roles import LONGEST_FINDING, work_prompt
from graph.delegation.state import AskUpdate, Finding, Spent, WorkInput, WorkOutput, WorkState
from graph.exchange import Call, Exchange, Round
from graph.model.model_call import ModelCall
from graph.model.tool_rounds import exchange_of, longest_output, read_round, round_messages, tools_inputs
from graph.state.turn_state import State, Turn
from graph.tools.traits import Toolbox, traits_of
from memory.models import Outcome
from nodes.tools import Tools

MOST_ROUNDS = 6
"""Limit on a step's rounds of tools, in addition to its share."""
USED_UP = "Not run: this step may call no more tools."
FAMILY = "delegate"
"""Prefix of the delegation tools, which a job may not call itself."""

WorkGraph = CompiledStateGraph[WorkState, None, WorkInput, WorkOutput]


class ReadingToolbox(Toolbox):
    """The tools of another toolbox that change nothing and need no approval."""

    def __init__(self, toolbox: Toolbox) -> None:
        self._toolbox = toolbox

    async def tools_for(self, turn: Turn) -> Mapping[str, BaseTool]:
        offered = await self._toolbox.tools_for(turn)
        return {name: tool for name, tool in offered.items() if _only_reads(tool)}


@dataclass(frozen=True, slots=True)
class AskWorker:
    """Asks the model for tool calls or the step's finding; at the end of the share, for the finding only."""

    ask: ModelCall
    toolbox: Toolbox

    async def __call__(self, state: WorkState) -> AskUpdate:
        turn, rounds = state["turn"], exchange_of(_as_turn(state)).rounds
        if is_late(self.ask, turn.turn_id):
            return _finding(state, "", OUT_OF_TIME, Spent())
        tools = await self.ask.window.affordable(await self.toolbox.tools_for(turn))
        longest = max(LONGEST_FINDING, longest_output(_as_turn(state)))
        said, last = await ask_role(
            self.ask,
            partial(_messages, state),
            turn.turn_id,
            tools,
            owner=turn.owner,
            last=_is_last(state),
            longest=longest,
        )
        wanted = read_round(said, _as_turn(state), tools)
        if wanted.calls and not last and said.outcome is Outcome.ANSWERED:
            held = _within_share(wanted, state)
            spent = Spent(calls=1, tools=sum(not call.problem for call in held.calls))
            return {"exchange": Exchange(turn_id=turn.turn_id, rounds=[*rounds, held]), "spent": spent}
        problem = problem_of(said, late=is_late(self.ask, turn.turn_id))
        return _finding(state, wanted.text, problem, Spent(calls=1))


def build_worker(ask: ModelCall, tools: Tools) -> WorkGraph:
    """Build the loop; each model call and each tool call has its own checkpoint."""
    toolbox = ReadingToolbox(tools.toolbox)
    builder = StateGraph(WorkState, input_schema=WorkInput, output_schema=WorkOutput)
    builder.add_node("ask", AskWorker(ask, toolbox))
    builder.add_node("tools", replace(tools, toolbox=toolbox, may_ask=False))
    builder.add_edge(START, "ask")
    builder.add_conditional_edges("ask", _after_ask, ["tools", END])
    builder.add_edge("tools", "ask")
    return builder.compile(name="work")


def _after_ask(state: WorkState) -> list[Send] | str:
    """Send the open calls to `tools`; in a repeated step they are foreign, since its prompt quotes models."""
    again = bool(state["earlier"] or state["complaint"])
    inputs = tools_inputs(_as_turn(state))
    return [Send("tools", {**one, "foreign": one["foreign"] or again}) for one in inputs] or END


def _messages(state: WorkState, last: bool, cap: int) -> list[AnyMessage]:
    return [*work_prompt(state, cap), *round_messages(_as_turn(state), last=last, cap=cap)]


def _as_turn(state: WorkState) -> State:
    """Return the step as a turn's state for the helpers of tool rounds, which use the same keys."""
    return cast("State", cast("Any", state))


def _only_reads(tool: BaseTool) -> bool:
    traits = traits_of(tool)
    return not (traits.changes or traits.approval or tool.name.startswith(FAMILY))


def _is_last(state: WorkState) -> bool:
    exchange, share = exchange_of(_as_turn(state)), state["share"]
    return len(exchange.rounds) >= min(MOST_ROUNDS, share.calls - 1) or _run(exchange.calls) >= share.tools


def _run(calls: Sequence[Call]) -> int:
    return sum(not call.problem for call in calls)


def _within_share(wanted: Round, state: WorkState) -> Round:
    """Mark the calls beyond the step's share."""
    left = state["share"].tools - _run(exchange_of(_as_turn(state)).calls)
    calls: list[Call] = []
    for call in wanted.calls:
        over = not call.problem and left <= 0
        left -= not call.problem
        calls.append(replace(call, problem=USED_UP) if over else call)
    return Round(text=wanted.text, calls=calls)


def _finding(state: WorkState, text: str, problem: str, spent: Spent) -> AskUpdate:
    """Return the step's finding; an empty one keeps the earlier text."""
    finding = Finding(step=state["step"].id, text=text.strip() or state["earlier"], problem=problem)
    return {"findings": {finding.step: finding}, "spent": spent}
