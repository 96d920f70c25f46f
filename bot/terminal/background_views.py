"""Jobs and reminders in the terminal: notices between turns, /jobs, /stop and /reminders."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from rich.console import Console

from bot.printable import show, snippet
from bot.reminder_desk import ReminderDesk, ReminderList, english, set_text, terminal_answer, time_text
from bot.terminal.turn_view import print_reply
from graph.delegation.delegation_tools import describe_job, progress_line, status_line
from graph.delegation.job import Job, Status
from graph.delegation.notices import Address, Notice
from graph.runtime.agent import Agent
from memory.concurrency.tasks import end
from memory.errors import GoatError
from memory.reminders.reminder import Origin, Reminder, is_late, terminal_box

_DOWN_PAUSE = 3.0
_LISTED = 10
_YES = "yes"
logger = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def _watching(
    quiet: asyncio.Lock, show_next: Callable[[], Awaitable[bool | None]], pause: float
) -> AsyncIterator[None]:
    """Call `show_next` again and again during the block, except while `quiet` is held.

    The next call comes at once after one that showed something, else after `pause` seconds.
    """

    async def watch() -> None:
        while True:
            try:
                async with quiet:
                    shown = await show_next()
            except GoatError as error:
                logger.info("Notices cannot be read: %s", error)
                await asyncio.sleep(_DOWN_PAUSE)
            else:
                await asyncio.sleep(0 if shown else pause)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        await end(watching)


class JobView:
    """The jobs of a terminal's owner. Each notice appears in one of the owner's open terminals."""

    def __init__(self, console: Console, agent: Agent, owner: str) -> None:
        self._console = console
        self._print = partial(show, console)
        self._delegation = agent.layers.delegation
        self._is_possible = bool(agent.layers.settings.model)
        self._owner = owner
        self._box = f"terminal:{owner}"
        self.quiet = asyncio.Lock()
        """Held while a turn is shown, so that no notice is printed into it."""

    def notices(self) -> AbstractAsyncContextManager[None]:
        """Print notices during the block, except while `quiet` is held."""
        return _watching(self.quiet, self._show_next, 0.3)

    async def register(self, thread: str) -> None:
        """Send notices of jobs delegated in this thread to this terminal."""
        if self._is_possible:
            await self._delegation.notices.register(thread, Address(box=self._box), owner=self._owner)

    async def list(self, name: str) -> None:
        """List the latest jobs, or describe one."""
        if name:
            job = await self._delegation.jobs.find(name, owner=self._owner)
            self._print(describe_job(job) if job else f"There is no job {name}; /jobs lists them.")
            return
        jobs = await self._delegation.jobs.latest(owner=self._owner, most=_LISTED)
        lines = [f"{job.name}  {status_line(job)}: {snippet(job.task)}" for job in jobs]
        self._print("\n".join(lines) or "There are no jobs. For something larger, ask me to delegate it.")

    async def stop(self, name: str) -> None:
        """Stop the named job, or the only open one."""
        jobs = await self._delegation.jobs.named_or_open(name, owner=self._owner)
        if len(jobs) != 1:
            which = "Several jobs are open. Write /stop and a name: " + ", ".join(job.name for job in jobs)
            self._print(which if jobs else "There is no such open job; /jobs lists them.")
        elif await self._delegation.stop(jobs[0].job_id, owner=self._owner):
            self._print(f"{jobs[0].name} is being stopped.")
        else:
            self._print(f"{jobs[0].name} has ended already.")

    async def _show_next(self) -> bool:
        """Take the next notice and print it; return False when there is none."""
        notices = self._delegation.notices
        notice = await notices.first(self._box)
        if notice is None:
            return False
        if await notices.remove(self._box, notice):
            job = await self._delegation.jobs.get(notice.job, owner=self._owner)
            if job is not None:
                self._show(job, notice)
        return True

    def _show(self, job: Job, notice: Notice) -> None:
        if not notice.is_end:
            for progress in job.progress:
                if progress.name == notice.name:
                    self._print(f"⏳ {job.name}  {progress_line(progress)}", style="dim")
            return
        said = {Status.DONE: "done", Status.STOPPED: "stopped", Status.FAILED: f"failed: {job.reason}"}
        self._print(f"● {job.name}  {snippet(job.task)}: {said.get(job.status, job.status)}", "bold")
        if job.result:
            print_reply(self._console, job.result)


class ReminderView:
    """The reminders of a terminal's owner. Each that is due appears in one of the owner's open terminals."""

    def __init__(self, console: Console, agent: Agent, owner: str, quiet: asyncio.Lock) -> None:
        """`quiet` is held while a turn is shown, so that no reminder is printed into it."""
        self._print = partial(show, console)
        self._desk = ReminderDesk(agent.layers)
        self._owner = owner
        self._quiet = quiet
        self._box = terminal_box(owner)
        self._offered: Reminder | None = None

    async def take(self, words: str, turn_id: str) -> tuple[str | None, str]:
        """Set the reminders that a message asks for.

        Returns:
            The answer to a message that asks for nothing else, else None; and the note after an answer.
        """
        now, origin = datetime.now(UTC), Origin(box=self._box, turn_id=turn_id)
        if found := await self._desk.take(words, owner=self._owner, at=now, origin=origin):
            return terminal_answer(found)
        self._offered = await self._desk.offer(words, owner=self._owner, at=now, origin=origin)
        offered = self._offered
        return None, english("reminder_offer", time=time_text(offered.schedule, english)) if offered else ""

    async def command(self, words: str) -> None:
        """List the reminders, or change one; "yes" sets the one that was offered."""
        if words == _YES and self._offered is not None:
            reminder = await self._desk.accept(self._offered.id, owner=self._owner)
            self._print(set_text(reminder, english, str) if reminder else english("reminder_gone"))
            return
        listed = ReminderList(self._desk, english, str)
        text, _ = await listed.answer(words, owner=self._owner, now=datetime.now(UTC))
        self._print(text)

    def due(self) -> AbstractAsyncContextManager[None]:
        """Print due reminders during the block, first those that became due while no terminal was open."""
        return _watching(self._quiet, lambda: self.show_due(datetime.now(UTC)), 1.0)

    async def show_due(self, now: datetime) -> None:
        """Print the reminders that are due; another terminal prints none of them."""
        reminders = self._desk.layers.reminders
        for held in await reminders.due(self._box, now):
            if held.reminder.owner == self._owner and await reminders.advance(held, now):
                await self._show(held.reminder, now)
                if not held.reminder.schedule.rule:
                    await reminders.end(held.reminder.id, owner=self._owner)

    async def _show(self, reminder: Reminder, now: datetime) -> None:
        schedule = reminder.schedule
        self._print(f"⏰ {reminder.text}", "bold")
        if is_late(schedule.at, now):
            self._print(
                english("reminder_late", time=time_text(replace(schedule, rule=""), english)), "yellow"
            )
        zone = schedule.local.tzinfo
        self._print(f"asked for on {reminder.asked.astimezone(zone):%Y-%m-%d %H:%M}", "dim")
        for memory in await self._desk.memories(reminder):
            self._print(f"{memory.at.astimezone(zone):%Y-%m-%d}: {snippet(memory.said)}", "dim")
