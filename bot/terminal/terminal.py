"""A chat in a terminal."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

from rich.console import Console
from rich.text import Text

from bot.presentation import turn_screen as screen
from bot.terminal.job_view import JobView
from bot.terminal.keyboard import ask, ctrl_c, is_yes
from bot.terminal.memory_commands import MemoryCommands
from bot.terminal.reply_view import print_resumed
from bot.terminal.terminal_place import TerminalPlace
from bot.terminal.turn_view import TurnView
from bot.terminal.warm_up import loaded
from graph.events.turn_events import Event, Waiting
from graph.runtime.agent import Agent
from memory.errors import GoatError
from memory.text.text import clean

HELP = """\
/why                     what was recalled for the last reply, what was cut, and why
/facts                   the facts that are always in the prompt
/remember key: value     write a fact            /forget key   delete it
/identity                who the agent is for you
/identity text           change that             /identity reset   restore the configured persona
/stats                   statistics of your recent turns
/tools                   what the agent can do
/jobs                    jobs in the background  /stop name    stop one
/new                     begin a new thread; the memory is kept
/help                    this list               /quit         leave (or Ctrl-D)
Ctrl-C ends a reply; the part on screen is kept."""

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
                screen.warn(self._console, str(error))
        return True

    async def _command(self, text: str) -> bool:
        name, _, rest = text.partition(" ")
        commands: dict[str, Callable[[str], Awaitable[None]]] = {
            "/new": self._new,
            "/why": self._why,
            **self._memory.commands(),
            "/jobs": self.jobs.list,
            "/stop": self.jobs.stop,
            "/help": self._help,
        }
        if name in {"/quit", "/exit"}:
            return False
        if name in commands:
            await commands[name](rest.strip())
        else:
            screen.warn(self._console, f"There is no command {name}. /help lists them.")
        return True

    async def _turn(self, text: str) -> None:
        if not await loaded(self._console, self._warming):
            return
        turn_id, place = uuid.uuid4().hex, self._place
        try:
            await self.jobs.register(place.thread)
            stream = self._agent.stream(
                text, owner=place.owner, thread=place.thread, turn_id=turn_id, fresh=True
            )
            await self._show(stream, turn_id)
        except GoatError as error:
            problem = str(error) if str(error).endswith((".", "?")) else f"{error}."
            screen.warn(self._console, f"{problem} {await self._fate(turn_id)}")

    async def _fate(self, turn_id: str) -> str:
        """Describe whether the message of a failed turn is kept."""
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

    async def _show(self, stream: AsyncIterator[Event] | None, turn_id: str) -> None:
        """Show a turn, asking for approvals until it ends."""
        while stream is not None:
            with ctrl_c(lambda: self._agent.stop(turn_id)):
                waiting = await self._view.show(stream)
            stream = await self._ask_approval(waiting) if waiting is not None else None

    async def _ask_approval(self, waiting: Waiting) -> AsyncIterator[Event]:
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
        self._console.print(Text(HELP))

    async def _why(self, _: str) -> None:
        state = self._view.last or await self._agent.last_turn(self._place.thread)
        if state is None:
            screen.warn(self._console, "There was no turn in this thread yet.")
        else:
            self._console.print(screen.why(state, await self._agent.layers.zone()))
