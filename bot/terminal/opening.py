"""The opening of a terminal's chat, imported while the prompt is shown: that takes a second."""

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

_EXCHANGES, _EXCHANGE_TOKENS = 3, 2000
"""Exchanges shown when a thread is continued, and about how many tokens they may have."""


@contextlib.asynccontextmanager
async def open_chat(
    console: Console, settings: Settings, place: TerminalPlace, *, before: str, behind_prompt: bool
) -> AsyncIterator[Chat]:
    """Open the agent, finish interrupted turns, and warm up for the first turn in the background.

    Args:
        console: prints the interrupted turns.
        settings: from the files and the environment.
        place: the chat's thread.
        before: this terminal's thread before that.
        behind_prompt: the prompt is on screen already, and output appears above it.
    """
    async with open_agent(settings, follow=True) as agent, _warming_up(agent, place.owner) as warming:
        await _show_last(console, agent, place)
        await _finish_pending(console, agent, place.owner, behind_prompt=behind_prompt)
        chat = Chat(console, agent, place, warming)
        await chat.show_pending(before)
        async with chat.jobs.notices():
            yield chat


@contextlib.asynccontextmanager
async def _warming_up(agent: Agent, owner: str) -> AsyncIterator["asyncio.Task[None]"]:
    """Load what the first turn needs in the background; cancel the rest at the block's end."""
    warming = asyncio.create_task(_warm_up(agent, owner))
    try:
        yield warming
    finally:
        await end(warming)


async def _warm_up(agent: Agent, owner: str) -> None:
    await agent.layers.warm_up(owner)
    await asyncio.to_thread(reply.load)


async def _show_last(console: Console, agent: Agent, place: TerminalPlace) -> None:
    """Print the last exchanges of a continued thread."""
    window = agent.layers.conversations.window
    for turn in (await window(owner=place.owner, thread=place.thread, max_tokens=_EXCHANGE_TOKENS))[
        -_EXCHANGES:
    ]:
        reply.print_exchange(console, turn.said, turn.reply)


async def _finish_pending(console: Console, agent: Agent, owner: str, *, behind_prompt: bool) -> None:
    """Finish the turns that the last stop interrupted; print this owner's."""
    with contextlib.nullcontext() if behind_prompt else console.status("finishing interrupted turns"):
        finished = await agent.resume()
    for state in finished:
        if state["turn"].owner == owner:
            reply.print_resumed(console, state)
