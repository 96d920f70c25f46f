"""Render the prompt, in an order that is stable for prompt caches."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from functools import partial

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage

from graph.state.recall import conversation_of, recalled_of
from graph.state.turn_state import State
from graph.state.updates import AssembleUpdate
from memory.models import ConversationTurn
from memory.prompt.prompt import (
    find_day_breaks,
    fit_system,
    render_day,
    render_evidence,
    render_message,
    render_said,
    render_system,
)
from memory.prompt.token_budget import CountTokens, TokenCounter, count_aside
from memory.provenance import Part
from memory.text.text import clip

_LEAST_SHARE = 4
_MARK_TOKENS = 30
"""Tokens of the mark that replaces omitted text."""


@dataclass(frozen=True, slots=True)
class Assemble:
    """Assemble identity, facts, conversation, recalled memory and the message."""

    tokens: TokenCounter
    zone: tzinfo
    message_cap: int

    async def __call__(self, state: State) -> AssembleUpdate:
        count, zone = await self.tokens.ready(), self.zone
        turn, space = state["turn"], state["allocation"].space
        in_time_order = sorted(recalled_of(state), key=lambda memory: memory.at)
        identity, facts, cap = state["persona"].text, state["fact_sheet"].facts, self.message_cap
        system = render_system(identity, facts, zone)
        if space is not None and space.fixed < space.fixed_whole:
            system = fit_system(identity, facts, zone, space.fixed, count)
        if space is not None and space.message < space.message_whole:
            cap = min(cap, space.message)
        shortening = partial(shorten_texts, turn.message, turn.parts, cap, count)
        message, parts = await count_aside(shortening, [turn.message, *(part.text for part in turn.parts)])
        outdated = {decision.turn_id for decision in state.get("decisions", ()) if decision.superseded_by}
        prompt: list[AnyMessage] = [
            SystemMessage(system),
            *conversation_messages(conversation_of(state), turn.at, zone),
            HumanMessage(
                render_message(message, in_time_order, turn.at, zone, parts=parts, outdated=outdated)
            ),
        ]
        for one in prompt:  # a known id keeps LangGraph from streaming them to chats
            one.id = turn.turn_id
        return {"prompt": join_roles(prompt)}


def conversation_messages(turns: Sequence[ConversationTurn], now: datetime, zone: tzinfo) -> list[AnyMessage]:
    """Return past turns as messages, with a mark at each new day.

    A turn without a reply has one message.
    """
    messages: list[AnyMessage] = []
    for turn, opens in zip(turns, find_day_breaks([turn.at for turn in turns], now, zone), strict=True):
        mark = f"{render_day(turn.at, zone)}\n\n" if opens else ""
        messages.append(HumanMessage(mark + render_said(turn.message, turn.parts)))
        if reply := render_evidence(turn):
            messages.append(AIMessage(reply))
    return messages


def join_roles(messages: list[AnyMessage]) -> list[AnyMessage]:
    """Join consecutive messages of one role: many chat templates refuse them."""
    joined: list[AnyMessage] = []
    for message in messages:
        if joined and joined[-1].type == message.type:
            joined[-1] = message.model_copy(update={"content": f"{joined[-1].text}\n\n{message.text}"})
        else:
            joined.append(message)
    return joined


def shorten_texts(
    message: str, parts: Sequence[Part], cap: int, count: CountTokens
) -> tuple[str, tuple[Part, ...]]:
    """Cut a message and its parts to about `cap` tokens; the parts keep at least a quarter."""
    sizes = [count(part.text) for part in parts]
    room = min(sum(sizes), max(cap - count(message), cap // _LEAST_SHARE))
    held = (
        replace(part, text=shorten_message(part.text, room * size // max(sum(sizes), 1), count))
        for part, size in zip(parts, sizes, strict=True)
    )
    return shorten_message(message, cap - room, count), tuple(held)


def shorten_message(message: str, cap: int, count: CountTokens) -> str:
    """Cut a message to about `cap` tokens, keeping both ends."""
    shortened, chars = message, len(message)
    while (tokens := count(shortened)) > cap + _MARK_TOKENS:
        chars = min(chars * cap // tokens, chars - 1)
        shortened = clip(message, chars)
    return shortened
