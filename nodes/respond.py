"""Call the model, which answers or calls tools; without a model, show memories."""

from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import tzinfo

from langchain_core.messages import AIMessage
from langchain_core.tools import BaseTool
from langgraph.runtime import Runtime

from graph.exchange import Exchange, Round
from graph.model.model_call import STOPPED, ModelAnswer, ModelCall
from graph.model.tool_rounds import (
    exchange_of,
    fitting_of,
    last_message_id,
    longest_output,
    read_round,
    request_message,
    results_of,
    round_messages,
)
from graph.settings.context import Experiment, TurnContext
from graph.state.recall import answers_of
from graph.state.reducers import LONGEST_SHOWN
from graph.state.turn_state import Reply, State
from graph.state.updates import RespondUpdate
from graph.tools.traits import Toolbox
from memory.models import Outcome
from memory.prompt.prompt import recalled_reply
from nodes.reply_journal import HearText, ReplyJournal

EMPTY_ANSWER = "The model gave an empty answer. Try again, or rephrase the message."
ONLY_TOOLS = (
    "The model called tools until the last round and gave no answer. Try again, or raise `tool_rounds`."
)
MOST_REFUSALS = 4
"""Limit on refusals of a turn's prompt as too long, after which the turn fails."""
NOT_APPROVED = "The pending call was not approved: you sent another message."


@dataclass(frozen=True, slots=True)
class Respond:
    """Answer the turn or request tools; model errors become a reply with their outcome."""

    ask: ModelCall
    toolbox: Toolbox
    zone: tzinfo
    journal: ReplyJournal | None = None

    async def __call__(self, state: State, runtime: Runtime[TurnContext]) -> RespondUpdate:
        update = await self._respond(state, runtime)
        if "fitting" not in update and (fitting := fitting_of(state)).again:
            update["fitting"] = replace(fitting, again=False)
        if runtime.context.experiment is Experiment.ON:  # a fork may begin after `working`
            update["turn"] = replace(state["turn"], experiment=True)
        return update

    async def _respond(self, state: State, runtime: Runtime[TurnContext]) -> RespondUpdate:
        exchange, given = exchange_of(state), state["turn"].answer
        if given:
            return reply_update(state, Reply(text=given, outcome=Outcome.ANSWERED))
        if given is not None or not self.ask.model.name:
            text = recalled_reply(answers_of(state), self.zone)
            return reply_update(state, Reply(text=text, outcome=Outcome.RECALLED))
        if any(result.abandoned for result in results_of(state)):
            return reply_update(state, _partial_reply(exchange, NOT_APPROVED))
        if self.ask.stops.signal(state["turn"].turn_id).is_set():
            return reply_update(state, _partial_reply(exchange, STOPPED))
        return await self._call_model(state, runtime)

    async def _call_model(self, state: State, runtime: Runtime[TurnContext]) -> RespondUpdate:
        rounds = runtime.context.tool_rounds
        exchange, tools = exchange_of(state), dict[str, BaseTool]()
        if rounds:  # offer the tools that the turn may use, and for which its budget had room
            offered, space = await self.toolbox.tools_for(state["turn"]), state["allocation"].space
            tools = {n: tool for n, tool in offered.items() if space is None or n in space.offered}
        last = len(exchange.rounds) >= rounds
        request = await self.ask.window.fit(
            lambda last, cap: [*state["prompt"], *round_messages(state, last=last, cap=cap)],
            tools,
            last=last,
            longest=longest_output(state),
        )
        following: AbstractAsyncContextManager[HearText] = nullcontext(runtime.stream_writer)
        if self.journal is not None and runtime.context.experiment is not Experiment.ON:
            following = self.journal.following(state, runtime.stream_writer)
        async with following as hear:
            said = await self.ask(
                request.messages,
                exchange.turn_id,
                request.tools,
                on_text=hear,
                message_id=last_message_id(state),
                owner=state["turn"].owner,
            )
        fitting = fitting_of(state)
        if said.too_long and fitting.refused < MOST_REFUSALS:
            return {"fitting": replace(fitting, refused=fitting.refused + 1, again=True)}
        asked = read_round(said, state, tools) if tools else Round(text=said.text, calls=())
        update = self._update(state, said, asked, last=request.last)
        fitted = replace(fitting, again=False, cap=request.cap, withdrawn=request.last and not last)
        if fitted != fitting:
            update["fitting"] = fitted
        return update

    def _update(self, state: State, said: ModelAnswer, asked: Round, *, last: bool) -> RespondUpdate:
        exchange = exchange_of(state)
        if asked.calls and not last and said.outcome is Outcome.ANSWERED:
            message = request_message(asked, LONGEST_SHOWN, last_message_id(state))
            rounds = [*exchange.rounds, asked]
            return {"exchange": Exchange(turn_id=exchange.turn_id, rounds=rounds), "messages": [message]}
        if said.outcome is Outcome.INTERRUPTED and not asked.text.strip():
            return reply_update(state, _partial_reply(exchange, said.problem))
        text, outcome, problem = asked.text, said.outcome, said.problem
        if not text.strip():
            text, outcome = "", Outcome.FAILED
            problem = problem or (ONLY_TOOLS if asked.calls else EMPTY_ANSWER)
        name = self.ask.model.name
        reply = Reply(text=text, outcome=outcome, problem=problem, model=name, seconds=said.seconds)
        return reply_update(state, reply)


def _partial_reply(exchange: Exchange, problem: str) -> Reply:
    """Return an interrupted reply: the last text before the tools, if any."""
    text = next((one.text for one in reversed(exchange.rounds) if one.text.strip()), "")
    outcome = Outcome.INTERRUPTED if text else Outcome.FAILED
    return Reply(text=text, outcome=outcome, problem=problem)


def reply_update(state: State, reply: Reply) -> RespondUpdate:
    """Return the update that ends the turn with `reply`."""
    message = AIMessage(reply.text or reply.problem, id=last_message_id(state))
    return {"messages": [message], "reply": reply}
