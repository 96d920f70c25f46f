"""`goat chat`: a chat in the terminal."""

import asyncio
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from bot.commands.command_app import Owner, command_settings, run_turns
from bot.printable import show
from bot.setup.dialogue import Questions, SetupCancelled, SetupOptions
from bot.terminal.terminal_place import TerminalPlace, is_terminal, loaded, typed_lines
from graph.observability.logs import configure_logging
from graph.settings.settings import Settings, terminal_folder
from memory.concurrency.tasks import end

if TYPE_CHECKING:
    from bot.terminal.terminal import Chat

NO_MODEL = "No model is configured: replies show the memories themselves. `goat setup` chooses one."


def chat(
    owner: Owner = "",
    thread: Annotated[str, typer.Option(help="Name of the thread; by default a new one.")] = "",
    resume: Annotated[bool, typer.Option("--continue", help="Continue your latest thread.")] = False,
) -> None:
    """Talk to the agent in this terminal."""
    settings = command_settings()
    if not settings.model and _offer_setup():
        settings = command_settings()
    with configure_logging(settings):
        run_turns(run_chat(settings, owner=owner or settings.owner, thread=thread, resume=resume))


def _offer_setup() -> bool:
    """Ask to run the setup, in an interactive terminal; return the person's answer."""
    if not is_terminal():
        return False
    choice = Questions(interactive=True).confirm("No model is configured. Choose one now?", "", usual=True)
    try:
        agreed = asyncio.run(choice)
    except SetupCancelled:
        return False
    if agreed:
        from bot.commands.setup_command import run_setup  # noqa: PLC0415 - a second, only for a first start

        run_setup(SetupOptions(), asks=True)
    return agreed


async def run_chat(settings: Settings, *, owner: str, thread: str, resume: bool) -> None:
    """Chat until the user leaves; a new thread's prompt appears while the agent still loads."""
    console = Console(highlight=False, soft_wrap=True)
    place = TerminalPlace(owner, "", terminal_folder(settings))
    before = place.latest()
    place.resume() if resume else place.begin(thread)
    _greet(console, settings, place)
    behind_prompt = sys.stdin.isatty() and not (resume or thread)
    chat: asyncio.Future[Chat] = asyncio.get_running_loop().create_future()
    left = asyncio.Event()

    async def keep_open() -> None:
        terminal = await asyncio.to_thread(_terminal)
        async with terminal.open_chat(
            console, settings, place, before=before, behind_prompt=behind_prompt
        ) as opened:
            chat.set_result(opened)
            await left.wait()

    try:
        async with asyncio.TaskGroup() as group:
            opening = group.create_task(keep_open())
            if not behind_prompt:
                await chat
            await _talk(console, place, chat)
            left.set()
            if not chat.done():
                await end(opening)
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


async def _talk(console: Console, place: TerminalPlace, chat: "asyncio.Future[Chat]") -> None:
    async for line in typed_lines(place.history):
        if await loaded(console, chat) and not await chat.result().handle(line):
            return


def _terminal() -> ModuleType:
    from bot.terminal import terminal  # noqa: PLC0415 - imports the whole agent: a second

    return terminal


def _greet(console: Console, settings: Settings, place: TerminalPlace) -> None:
    show(console, f"GOAT 2.0 · {place.owner} · thread {place.thread}", "bold")
    console.print("/help lists the commands, Ctrl-D leaves.", style="dim")
    if not settings.model:
        console.print(NO_MODEL, style="yellow")
