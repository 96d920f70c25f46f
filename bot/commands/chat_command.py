"""`goat chat`: a chat in the terminal."""

import asyncio
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from bot.commands.command_app import Owner, collect_seldom, command_app, command_settings
from bot.printable import printable
from bot.setup.dialogue import Questions, SetupCancelled, SetupOptions
from bot.terminal.keyboard import is_terminal, typed_lines
from bot.terminal.terminal_place import TerminalPlace
from bot.terminal.warm_up import loaded
from graph.observability.logs import configure_logging
from graph.settings.settings import Settings, terminal_folder
from memory.concurrency.deadline import end

if TYPE_CHECKING:
    from bot.terminal.terminal import Chat

NO_MODEL = "No model is configured: replies show the memories themselves. `goat setup` chooses one."

app = command_app()


@app.command()
def chat(
    owner: Owner = "",
    thread: Annotated[str, typer.Option(help="Name of the thread; by default a new one.")] = "",
    resume: Annotated[bool, typer.Option("--continue", help="Continue your latest thread.")] = False,
) -> None:
    """Talk to the agent in this terminal."""
    settings = command_settings()
    if not settings.model and _offer_setup():
        settings = command_settings()
    collect_seldom()
    with configure_logging(settings):
        asyncio.run(run_chat(settings, owner=owner or settings.owner, thread=thread, resume=resume))


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
    background = _BackgroundChat(console, settings, place)
    try:
        async with asyncio.TaskGroup() as group:
            open_task = group.create_task(background.run(before=before, behind_prompt=behind_prompt))
            if not behind_prompt:
                await background.chat
            await _talk(console, place, background.chat)
            await background.leave(open_task)
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


class _BackgroundChat:
    """A chat that opens in a background task and stays open until `leave`."""

    def __init__(self, console: Console, settings: Settings, place: TerminalPlace) -> None:
        self._console = console
        self._settings = settings
        self._place = place
        self._left = asyncio.Event()
        self.chat: asyncio.Future[Chat] = asyncio.get_running_loop().create_future()
        """Resolved once the agent is open."""

    async def run(self, *, before: str, behind_prompt: bool) -> None:
        """Open the chat, and close it after `leave`; see `bot.terminal.opening.open_chat`."""
        conversation = await asyncio.to_thread(_conversation)
        async with conversation.open_chat(
            self._console, self._settings, self._place, before=before, behind_prompt=behind_prompt
        ) as chat:
            self.chat.set_result(chat)
            await self._left.wait()

    async def leave(self, open_task: "asyncio.Task[None]") -> None:
        """Close the chat, or cancel the task that still opens it."""
        self._left.set()
        if not self.chat.done():
            await end(open_task)


async def _talk(console: Console, place: TerminalPlace, chat: "asyncio.Future[Chat]") -> None:
    async for line in typed_lines(place.history):
        if await loaded(console, chat) and not await chat.result().handle(line):
            return


def _conversation() -> ModuleType:
    from bot.terminal import opening as conversation  # noqa: PLC0415 - imports the whole agent: a second

    return conversation


def _greet(console: Console, settings: Settings, place: TerminalPlace) -> None:
    console.print(Text(f"GOAT 2.0 · {printable(place.owner)} · thread {place.thread}", style="bold"))
    console.print("/help lists the commands, Ctrl-D leaves.", style="dim")
    if not settings.model:
        console.print(NO_MODEL, style="yellow")
