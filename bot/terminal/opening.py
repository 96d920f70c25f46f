"""A terminal's conversation from its opening on; imported behind the prompt, since it takes a second."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from rich.console import Console

from bot.terminal import reply_view as reply
from bot.terminal.terminal import Chat
from bot.terminal.terminal_place import TerminalPlace
from graph.app import open_agent
from graph.runtime.agent import Agent
from graph.settings.settings import Settings
from memory.concurrency.deadline import end

_LAST, _LAST_TOKENS = 3, 2000
"""The most exchanges of a thread that are shown when it is gone on with, and about how long they may be."""


@contextlib.asynccontextmanager
async def open_chat(
    console: Console, settings: Settings, place: TerminalPlace, *, before: str, behind_prompt: bool
) -> AsyncIterator[Chat]:
    """Open the agent, finish what the last stop left open, and load what the first turn needs meanwhile.

    Args:
        console: where what was left open is shown.
        settings: those of the files and the environment.
        place: the thread that the conversation is in.
        before: the thread that this terminal was in before it.
        behind_prompt: the prompt is shown already, and what is printed stands above it.
    """
    async with open_agent(settings, follow=True) as agent, _warming_up(agent, place.owner) as warming:
        await _show_last(console, agent, place)
        await _finish_pending(console, agent, place.owner, behind_prompt=behind_prompt)
        chat = Chat(console, agent, place, warming)
        await chat.take_up(before)
        async with chat.delegated.told():
            yield chat


@contextlib.asynccontextmanager
async def _warming_up(agent: Agent, owner: str) -> AsyncIterator["asyncio.Task[None]"]:
    """Load in the background what the first turn would wait for; what is left of it ends with the block."""
    warming = asyncio.create_task(_warm_up(agent, owner))
    try:
        yield warming
    finally:
        await end(warming)


async def _warm_up(agent: Agent, owner: str) -> None:
    await agent.layers.warm_up(owner)
    await asyncio.to_thread(reply.load)


async def _show_last(console: Console, agent: Agent, place: TerminalPlace) -> None:
    """Show the last exchanges of a thread that is gone on with."""
    window = agent.layers.conversations.window
    for turn in (await window(owner=place.owner, thread=place.thread, max_tokens=_LAST_TOKENS))[-_LAST:]:
        reply.print_exchange(console, turn.said, turn.reply)


async def _finish_pending(console: Console, agent: Agent, owner: str, *, behind_prompt: bool) -> None:
    """Finish what the last stop cut off, before anything new; show what is this owner's."""
    with contextlib.nullcontext() if behind_prompt else console.status("finishing what was cut off"):
        finished = await agent.resume()
    for state in finished:
        if state["turn"].owner == owner:
            reply.print_resumed(console, state)
