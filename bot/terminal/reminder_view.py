"""Reminders in the terminal: set in words, shown when they are due, /reminders."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from bot.printable import printable, snippet
from bot.reminders.reminder_desk import ReminderDesk
from bot.reminders.reminder_list import ReminderList, set_text, time_text
from bot.reminders.terminal_texts import answer_to, say
from graph.runtime.agent import Agent
from memory.concurrency.tasks import end
from memory.errors import GoatError
from memory.reminders.reminder import Origin, Reminder, is_late, terminal_box

_PAUSE, _DOWN_PAUSE = 1.0, 3.0
_YES = "yes"
logger = logging.getLogger(__name__)


class ReminderView:
    """The reminders of a terminal's owner. Each that is due appears in one of the owner's open terminals."""

    def __init__(self, console: Console, agent: Agent, owner: str, quiet: asyncio.Lock) -> None:
        """`quiet` is held while a turn is shown, so that no reminder is printed into it."""
        self._console = console
        self._desk = ReminderDesk(agent.layers)
        self._owner = owner
        self._quiet = quiet
        self._box = terminal_box(owner)
        self._offered: Reminder | None = None

    async def take(self, words: str, turn_id: str) -> tuple[str | None, str]:
        """Set the reminders that a message asks for.

        Returns:
            The answer to a message that asks for nothing else, else None; and what is said after the answer.
        """
        now, origin = datetime.now(UTC), Origin(box=self._box, turn_id=turn_id)
        if found := await self._desk.take(words, owner=self._owner, at=now, origin=origin):
            return answer_to(found)
        self._offered = await self._desk.offer(words, owner=self._owner, at=now, origin=origin)
        offered = self._offered
        return None, say("reminder_offer", time=time_text(offered.schedule, say)) if offered else ""

    async def command(self, words: str) -> None:
        """List the reminders, or change one; "yes" sets the one that was offered."""
        if words == _YES and self._offered is not None:
            reminder = await self._desk.accept(self._offered.id, owner=self._owner)
            self._print(set_text(reminder, say, str) if reminder else say("reminder_gone"))
            return
        listed = ReminderList(self._desk, say, str)
        text, _ = await listed.answer(words, owner=self._owner, now=datetime.now(UTC))
        self._print(text)

    @contextlib.asynccontextmanager
    async def due(self) -> AsyncIterator[None]:
        """Print what is due during the block, first what came due while no terminal was open."""
        watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            await end(watching)

    async def _watch(self) -> None:
        while True:
            try:
                async with self._quiet:
                    await self.show_due(datetime.now(UTC))
            except GoatError as error:
                logger.info("Reminders cannot be read: %s", error)
                await asyncio.sleep(_DOWN_PAUSE)
            else:
                await asyncio.sleep(_PAUSE)

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
            self._print(say("reminder_late", time=time_text(replace(schedule, rule=""), say)), "yellow")
        self._print(f"asked for on {reminder.asked.astimezone(schedule.local.tzinfo):%Y-%m-%d %H:%M}", "dim")
        for memory in await self._desk.memories(reminder):
            self._print(f"{memory.at:%Y-%m-%d}: {snippet(memory.said)}", "dim")

    def _print(self, text: str, style: str = "") -> None:
        self._console.print(Text(printable(text), style=style))
