"""Render the prompt, in an order that stays stable for prompt caches."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage

from graph.shown import conversation_of, recalled_of
from graph.state import State
from graph.updates import AssembleUpdate
from memory.days import new_days
from memory.models import ConversationTurn
from memory.prompt import fit_system, quoted, render_day, render_evidence, render_message, render_system
from memory.text import clip
from memory.tokens import CountTokens, TokenCounter
from memory.window import Space

_MARK_TOKENS = 30
"""What the mark in the place of what is left out takes."""


@dataclass(frozen=True, slots=True)
class Assemble:
    """Put together identity and facts, the conversation, the recalled memory and the message."""

    tokens: TokenCounter
    zone: Callable[[], Awaitable[tzinfo]]
    message_cap: Callable[[], int]

    async def __call__(self, state: State) -> AssembleUpdate:
        count, zone = await self.tokens.ready(), await self.zone()
        turn, space = state["turn"], state["allocation"].space
        in_time_order = sorted(recalled_of(state), key=lambda memory: memory.at)
        quote, cap = turn.quote, self.message_cap()
        if space is not None and space.message < space.message_whole:
            quote = shorten_message(quote, space.message // 4, count)
            cap = min(cap, space.message - count(quote))
        message = shorten_message(turn.message, cap, count)
        outdated = {decision.turn_id for decision in state.get("decisions", ()) if decision.superseded_by}
        prompt: list[AnyMessage] = [
            SystemMessage(_system(state, space, count, zone)),
            *conversation_messages(conversation_of(state), turn.at, zone),
            HumanMessage(
                render_message(message, in_time_order, turn.at, zone, quote=quote, outdated=outdated)
            ),
        ]
        return {"prompt": alternating(prompt)}


def _system(state: State, space: Space | None, count: CountTokens, zone: tzinfo) -> str:
    identity, facts = state["persona"].text, state["fact_sheet"].facts
    if space is None or space.fixed >= space.fixed_whole:
        return render_system(identity, facts, zone)
    return fit_system(identity, facts, zone, space.fixed, count)


def conversation_messages(turns: Sequence[ConversationTurn], now: datetime, zone: tzinfo) -> list[AnyMessage]:
    """Return past turns as the messages that they were, each change of day marked.

    A turn without a reply has one message.
    """
    messages: list[AnyMessage] = []
    for turn, opens in zip(turns, new_days([turn.at for turn in turns], now, zone), strict=True):
        mark = f"{render_day(turn.at, zone)}\n\n" if opens else ""
        messages.append(HumanMessage(mark + quoted(turn.message)))
        if reply := render_evidence(turn):
            messages.append(AIMessage(reply))
    return messages


def alternating(messages: list[AnyMessage]) -> list[AnyMessage]:
    """Join neighbouring messages of one role: many chat templates refuse two of them in a row."""
    joined: list[AnyMessage] = []
    for message in messages:
        if joined and joined[-1].type == message.type:
            joined[-1] = message.model_copy(update={"content": f"{joined[-1].text}\n\n{message.text}"})
        else:
            joined.append(message)
    return joined


def shorten_message(message: str, cap: int, count: CountTokens) -> str:
    """Hold a message to about `cap` tokens, keeping both ends."""
    shortened, chars = message, len(message)
    while (tokens := count(shortened)) > cap + _MARK_TOKENS:
        chars = min(chars * cap // tokens, chars - 1)
        shortened = clip(message, chars)
    return shortened
