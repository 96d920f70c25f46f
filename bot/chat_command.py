"""`goat chat`: the agent in a terminal."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from bot import reply
from bot.command import Owner, command_app, command_settings
from bot.keyboard import typed_lines
from bot.place import Place
from bot.printable import printable
from bot.terminal import Chat
from graph.agent import Agent
from graph.app import open_agent
from graph.logs import configure_logging
from graph.settings import Settings
from memory.ending import end

NO_MODEL = "No model is configured: replies show the memories themselves. `goat setup` chooses one."
_LAST, _LAST_TOKENS = 3, 2000
"""The most exchanges of a thread that are shown when it is gone on with, and about how long they may be."""

app = command_app()


@app.command()
def chat(
    owner: Owner = "",
    thread: Annotated[str, typer.Option(help="Name of the thread; a new one by default.")] = "",
    resume: Annotated[bool, typer.Option("--continue", help="Go on in your latest thread.")] = False,
) -> None:
    """Talk to the agent in this terminal."""
    settings = command_settings()
    if not settings.model and _offer_setup():
        settings = command_settings()
    with configure_logging(settings):
        asyncio.run(run_chat(settings, owner=owner or settings.owner, thread=thread, resume=resume))


def _offer_setup() -> bool:
    """Offer to choose a model; imported here, since a chat with a model need not wait for it."""
    from bot.setup_command import offer_setup  # noqa: PLC0415

    return offer_setup()


async def run_chat(settings: Settings, *, owner: str, thread: str, resume: bool) -> None:
    """Talk until the user leaves."""
    console = Console(highlight=False, soft_wrap=True)
    place = Place(owner, "", settings.data_folder / "terminal")
    async with open_agent(settings, follow=True) as agent, _warming_up(agent, owner) as warming:
        before = place.latest()
        place.go_on() if resume else place.begin(thread)
        _greet(console, settings, place)
        await _show_last(console, agent, place)
        await _finish_pending(console, agent, owner)
        chat = Chat(console, agent, place, warming)
        await chat.take_up(before)
        async with chat.delegated.told():
            async for line in typed_lines(place.history):
                if not await chat.handle(line):
                    break


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


def _greet(console: Console, settings: Settings, place: Place) -> None:
    console.print(Text(f"GOAT 2.0 · {printable(place.owner)} · thread {place.thread}", style="bold"))
    console.print("/help lists the commands, Ctrl-D leaves.", style="dim")
    if not settings.model:
        console.print(NO_MODEL, style="yellow")


async def _show_last(console: Console, agent: Agent, place: Place) -> None:
    """Show the last exchanges of a thread that is gone on with."""
    window = agent.layers.conversations.window
    for turn in (await window(owner=place.owner, thread=place.thread, max_tokens=_LAST_TOKENS))[-_LAST:]:
        reply.print_exchange(console, turn.message, turn.reply)


async def _finish_pending(console: Console, agent: Agent, owner: str) -> None:
    """Finish what the last stop cut off, before anything new; show what is this owner's."""
    with console.status("finishing what was cut off"):
        finished = await agent.resume()
    for state in finished:
        if state["turn"].owner == owner:
            reply.print_resumed(console, state)
