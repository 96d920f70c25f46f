"""A chat in a terminal."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

from rich.console import Console

from bot.presentation import turn_screen as screen
from bot.printable import show
from bot.terminal.background_views import JobView, ReminderView
from bot.terminal.memory_commands import MemoryCommands
from bot.terminal.terminal_place import TerminalPlace, ask, ctrl_c, is_yes, loaded
from bot.terminal.turn_view import TurnView, load, print_exchange, print_resumed
from graph.app import open_agent
from graph.events.turn_events import Events, Waiting
from graph.runtime.agent import Agent
from graph.settings.settings import Settings
from graph.state.circumstances import Circumstances
from memory.concurrency.tasks import end
from memory.errors import GoatError
from memory.text.text import clean

HELP = """\
/why                     what was recalled for the last reply, what was cut, and why
/facts                   the facts that are always in the prompt
/remember key: value     write a fact            /forget key   erase it for ever
/identity                who the agent is for you
/identity text           change that             /identity reset   restore the configured persona
/stats                   statistics of your recent turns
/tools                   what the agent can do
/jobs                    jobs in the background  /stop name    stop one
/reminders               list them; "remind me tomorrow at 9 to ..." sets one
/new                     begin a new thread; the memory is kept
/help                    this list               /quit         leave (or Ctrl-D)
Ctrl-C ends a reply; the part on screen is kept."""

_EXCHANGES, _EXCHANGE_TOKENS = 3, 2000
"""Maximum number of exchanges, and of their tokens, shown when a thread is continued."""

PENDING = "Your message is kept, and is answered before your next one."
LOST = "Your message was not kept: please write it again."
FATE_UNKNOWN = "It is unknown whether your message was kept; if so, it is answered before your next one."


class Chat:
    """One terminal's chat; handles each typed line."""

    def __init__(
        self, console: Console, agent: Agent, place: TerminalPlace, warming: "asyncio.Task[None]"
    ) -> None:
        self._console = console
        self._agent = agent
        self._place = place
        self._warming = warming
        self._view = TurnView(console)
        self.jobs = JobView(console, agent, place.owner)
        self.reminders = ReminderView(console, agent, place.owner, self.jobs.quiet)
        self._memory = MemoryCommands(console, agent, place.owner)

    async def handle(self, line: str) -> bool:
        """Handle a line; return False when the user leaves."""
        text = clean(line).strip()
        async with self.jobs.quiet:
            try:
                if text.startswith("/"):
                    return await self._command(text)
                if text:
                    await self._turn(clean(line))
            except GoatError as error:
                show(self._console, str(error), "yellow")
        return True

    async def _command(self, text: str) -> bool:
        name, _, rest = text.partition(" ")
        commands: dict[str, Callable[[str], Awaitable[None]]] = {
            "/new": self._new,
            "/why": self._why,
            **self._memory.commands(),
            "/jobs": self.jobs.list,
            "/stop": self.jobs.stop,
            "/reminders": self.reminders.command,
            "/help": self._help,
        }
        if name in {"/quit", "/exit"}:
            return False
        if name in commands:
            await commands[name](rest.strip())
        else:
            show(self._console, f"There is no command {name}. /help lists them.", "yellow")
        return True

    async def _turn(self, text: str) -> None:
        if not await loaded(self._console, self._warming):
            return
        turn_id, place = uuid.uuid4().hex, self._place
        try:
            await self.jobs.register(place.thread)
            answer, note = await self.reminders.take(text, turn_id)
            stream = self._agent.stream(
                text,
                owner=place.owner,
                thread=place.thread,
                turn_id=turn_id,
                about=Circumstances(answer=answer),
                fresh=True,
            )
            await self._show(stream, turn_id)
            if note:
                show(self._console, note, "dim")
        except GoatError as error:
            problem = str(error) if str(error).endswith((".", "?")) else f"{error}."
            show(self._console, f"{problem} {await self._fate(turn_id)}", "yellow")

    async def _fate(self, turn_id: str) -> str:
        """Return a sentence on whether the message of a failed turn is kept."""
        try:
            kept = await self._agent.has_turn(turn_id, thread=self._place.thread)
        except GoatError:
            return FATE_UNKNOWN
        return PENDING if kept else LOST

    async def show_pending(self, before: str) -> None:
        """Show this thread's pending approval; close the former thread's."""
        place = self._place
        if before and before != place.thread:
            await self._close_thread(before)
        if waiting := await self._agent.waiting(place.thread, owner=place.owner):
            await self._show(await self._ask_approval(waiting), waiting.turn_id)

    async def _close_thread(self, thread: str) -> None:
        if left := await self._agent.leave(thread, owner=self._place.owner):
            print_resumed(self._console, left)

    async def _show(self, stream: Events | None, turn_id: str) -> None:
        """Show a turn, asking for approvals until it ends."""
        while stream is not None:
            with ctrl_c(lambda: self._agent.stop(turn_id)):
                waiting = await self._view.show(stream)
            stream = await self._ask_approval(waiting) if waiting is not None else None

    async def _ask_approval(self, waiting: Waiting) -> Events:
        """Ask for the first pending approval; return the continued turn."""
        approval = waiting.approvals[0]
        self._console.print(screen.approval(approval))
        allowed = is_yes(await ask("Allow it? [y/N] "))
        self._console.print("Allowed." if allowed else "Not allowed.", style="dim")
        place = self._place
        return self._agent.decide(
            waiting.turn_id,
            owner=place.owner,
            thread=place.thread,
            approval_id=approval.id,
            allowed=allowed,
        )

    async def _new(self, _: str) -> None:
        await self._close_thread(self._place.thread)
        self._place.begin()
        self._view.last = None
        self._console.print("A new thread. The memory stays.", style="dim")

    async def _help(self, _: str) -> None:
        show(self._console, HELP)

    async def _why(self, _: str) -> None:
        state = self._view.last or await self._agent.last_turn(self._place.thread)
        if state is None:
            show(self._console, "There was no turn in this thread yet.", "yellow")
        else:
            self._console.print(screen.why(state, self._agent.layers.zone))


@contextlib.asynccontextmanager
async def open_chat(
    console: Console, settings: Settings, place: TerminalPlace, *, before: str, behind_prompt: bool
) -> AsyncIterator[Chat]:
    """Open the agent, finish interrupted turns, and warm up for the first turn in the background.

    `before` is this terminal's thread before that of `place`; with `behind_prompt`, output appears above the
    prompt, which is on screen already.
    """
    async with open_agent(settings, follow=True) as agent, _warming_up(agent, place.owner) as warming:
        await _show_last(console, agent, place)
        await _finish_pending(console, agent, place.owner, behind_prompt=behind_prompt)
        chat = Chat(console, agent, place, warming)
        await chat.show_pending(before)
        async with chat.jobs.notices(), chat.reminders.due():
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
    await asyncio.to_thread(load)


async def _show_last(console: Console, agent: Agent, place: TerminalPlace) -> None:
    read = agent.layers.conversations.window
    window = await read(owner=place.owner, thread=place.thread, max_tokens=_EXCHANGE_TOKENS)
    for turn in window[-_EXCHANGES:]:
        print_exchange(console, turn.said, turn.reply)


async def _finish_pending(console: Console, agent: Agent, owner: str, *, behind_prompt: bool) -> None:
    """Finish the turns that the last stop interrupted; print this owner's."""
    with contextlib.nullcontext() if behind_prompt else console.status("finishing interrupted turns"):
        finished = await agent.resume()
    for state in finished:
        if state["turn"].owner == owner:
            print_resumed(console, state)
