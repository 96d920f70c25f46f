"""Run one tool call."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool
from langgraph.types import interrupt

from graph.events.approval import ABANDONED, BEGUN, ApprovalAnswer, answer_of, question, remark_of
from graph.exchange import Call, ToolResult
from graph.model.model_call import StopSignals
from graph.model.tool_rounds import UNREADABLE
from graph.state.reducers import LONGEST_SHOWN
from graph.state.turn_state import Turn
from graph.state.updates import ToolsInput, ToolsUpdate
from graph.tools.caller import Caller
from graph.tools.memory_tools import FROM_OUTSIDE
from graph.tools.tool_runner import Output, ToolRunner
from graph.tools.traits import Toolbox, Traits, arguments_problem, traits_of
from memory.errors import MemoryTierError
from memory.prompt.tool_text import evidence_line
from memory.text.text import shortened
from memory.working.redis_cache import RedisToolCache

STOPPED = "Not finished: the person stopped it."
DECLINED = "Not run: the person did not allow it."
FOLLOWS_FOREIGN = "it changes the memory, and the prompt contains a third party's text"
EXPERIMENT = "Not run: this is an experiment, in which nothing is changed."
NOBODY = "Not run: it needs the person's word, and nobody can be asked here."
UNKNOWN_END = (
    "It was begun, and then the process ended: whether it was done is not known. It was not run again; say "
    "so, and look whether it was done before you call it anew."
)
LEADS_OUT = "it calls an address that no text contained, and the prompt contains a third party's text"
ALWAYS_ASKED = "it needs approval each time"
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tools:
    """Run the call, after approval where needed; errors become outputs."""

    toolbox: Toolbox
    run: ToolRunner
    cache: RedisToolCache
    stops: StopSignals
    may_ask: bool = True
    """A person can be asked for approval."""
    refusal_reason: Callable[[str], str] = lambda _: ""
    """Returns why a tool that needs approval cannot get it here; "" when it can."""
    read_only: bool = False
    """Run no call that changes anything or needs approval, and store no output: for experiments."""

    async def __call__(self, state: ToolsInput) -> ToolsUpdate:
        turn, call = state["turn"], state["call"]
        offered = await self.toolbox.tools_for(turn)
        tool = offered.get(call.name)
        if tool is None or call.problem:
            return _result(
                turn, call, Output(text=call.problem or unknown_tool(call.name, offered), ok=False)
            )
        if problem := arguments_problem(tool, call.arguments):
            return _result(turn, call, Output(text=problem, ok=False))
        traits = traits_of(tool)
        reason = _approval_reason(traits, state)
        if self.read_only and (traits.changes or reason or not _repeatable(traits)):
            return _result(turn, call, Output(text=EXPERIMENT, ok=False))
        if reason:
            no_approver = self._no_approver(call, turn)
            said = False if no_approver else interrupt(question(call, turn, reason, state.get("others", ())))
            if answer_of(said) is not ApprovalAnswer.YES:
                return _refusal_result(turn, call, said, no_approver)
        if status := await self._claim(call, turn, traits):
            return _earlier_result(turn, call, status, foreign=traits.foreign)
        if not turn.private:
            logger.info("The tool %s is called", call.name)
        caller = Caller(turn=turn, key=call.key, foreign=state["foreign"])
        output = await self._output(tool, call, caller, traits)
        return _result(turn, call, output, foreign=traits.foreign or FROM_OUTSIDE in output.text)

    def _no_approver(self, call: Call, turn: Turn) -> str:
        """Return why nobody can be asked here; "" when somebody can."""
        return NOBODY if turn.private or not self.may_ask else self.refusal_reason(call.name)

    async def _claim(self, call: Call, turn: Turn, traits: Traits) -> str:
        """Claim a call that must not run twice; return its earlier status, or ""."""
        if _repeatable(traits) or turn.private:
            return ""
        return await self.cache.claim(call.key, BEGUN, owner=turn.owner)

    async def _output(self, tool: BaseTool, call: Call, caller: Caller, traits: Traits) -> Output:
        turn = caller.turn
        if not traits.cached or self.read_only:
            return await self._until_stopped(tool, call, caller)
        if cached := await self._cached(call, turn):
            return Output(text=cached, ok=True)
        output = await self._until_stopped(tool, call, caller)
        if output.ok and not turn.private:
            await self._keep(call, turn, output.text, traits.cached)
        return output

    async def _until_stopped(self, tool: BaseTool, call: Call, caller: Caller) -> Output:
        running = asyncio.ensure_future(self.run(tool, call, caller))
        stopping = asyncio.ensure_future(self.stops.signal(caller.turn.turn_id).wait())
        try:
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return running.result() if running.done() else Output(text=STOPPED, ok=False)
        finally:
            stopping.cancel()
            running.cancel()

    async def _cached(self, call: Call, turn: Turn) -> str:
        try:
            kept = await self.cache.get(call.name, call.arguments, owner=turn.owner)
        except MemoryTierError:
            return ""
        return kept.decode("utf-8", "replace") if kept else ""

    async def _keep(self, call: Call, turn: Turn, text: str, seconds: float) -> None:
        try:
            await self.cache.put(call.name, call.arguments, text.encode(), owner=turn.owner, ttl=seconds)
        except MemoryTierError as error:
            logger.warning("The output of %s was not kept: %s", call.name, error)


def unknown_tool(name: str, offered: Mapping[str, BaseTool]) -> str:
    """Return an error that lists the tools."""
    if name == UNREADABLE:
        return "The call cannot be read."
    return f"There is no tool {name[:100]!r}. There are: {', '.join(offered) or 'none'}."


def _refusal_result(turn: Turn, call: Call, said: Any, no_approver: str) -> ToolsUpdate:
    declined = f"{DECLINED} They said: {remark}" if (remark := remark_of(said)) else DECLINED
    output = Output(text=no_approver or declined, ok=False)
    return _result(turn, call, output, abandoned=answer_of(said) is ApprovalAnswer.ABANDONED)


def _earlier_result(turn: Turn, call: Call, status: str, *, foreign: bool) -> ToolsUpdate:
    """Return the result of a call that was started or refused before the process ended."""
    text = UNKNOWN_END if status == BEGUN else DECLINED
    abandoned = status == ABANDONED
    return _result(turn, call, Output(text=text, ok=False), foreign=foreign, abandoned=abandoned)


def _approval_reason(traits: Traits, given: ToolsInput) -> str:
    """Return why the call needs approval; "" when it does not."""
    if traits.approval:
        return ALWAYS_ASKED
    if traits.changes and given["foreign"]:
        return FOLLOWS_FOREIGN
    leads_out = traits.foreign and given["foreign"] and given.get("invented", False)
    return LEADS_OUT if leads_out else ""


def _repeatable(traits: Traits) -> bool:
    """Return True when a call may run twice."""
    return not traits.approval and (traits.cached > 0 or not traits.isolated)


def _result(
    turn: Turn,
    call: Call,
    output: Output,
    *,
    foreign: bool = False,
    abandoned: bool = False,
) -> ToolsUpdate:
    result = ToolResult(
        turn_id=turn.turn_id,
        key=call.key,
        name=call.name,
        output=output.text,
        ok=output.ok,
        evidence=evidence_line(call.name, call.arguments, output.text),
        foreign=foreign,
        abandoned=abandoned,
        attachments=output.attachments,
        milliseconds=output.milliseconds,
    )
    message = ToolMessage(
        shortened(output.text, LONGEST_SHOWN),
        id=f"result-{call.key}",
        tool_call_id=call.id,
        name=call.name,
        status="success" if output.ok else "error",
    )
    return {"results": [result], "messages": [message]}
