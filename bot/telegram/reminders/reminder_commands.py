"""/reminders: list, move and end them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from telegram import Update

from bot.reminders.reminder_desk import ReminderDesk
from bot.reminders.reminder_times import time_text
from bot.telegram.bot_context import BotContext, Say, command_message, command_text
from bot.telegram.gate.gate import Handler, HandlerContext
from bot.telegram.place import place_of
from bot.telegram.reminders.reminder_buttons import end_buttons
from bot.telegram.texts import escape, inline_code
from memory.reminders.reminder import Reminder
from memory.reminders.reminder_request import read_time

MOST_LISTED = 40
_CHANGE = re.compile(r"(\d{1,9})\s+(.+)", re.DOTALL)
_ENDS = frozenset({"end", "stop", "delete", "done", "gata", "sterge", "șterge", "stop!"})


@dataclass(frozen=True, slots=True)
class ReminderCommands:
    """The /reminders command."""

    context: BotContext

    def commands(self) -> dict[str, Handler]:
        """Map command names to handlers."""
        return {"reminders": self.reminders}

    async def reminders(self, update: Update, _: HandlerContext) -> None:
        """List the reminders; with a number and a time move one, with a number and "end" end it."""
        message, say = command_message(update), self.context.say(update)
        answer = await self.context.answer(update, message)
        if answer.sent:
            return
        owner, words = await self.context.owner(place_of(message)), command_text(message)
        listed = await self.context.agent.layers.reminders.of(owner)
        if not words:
            shown = listed[:MOST_LISTED]
            await answer.finish(_list_text(shown, say), end_buttons(shown))
            return
        change = _CHANGE.fullmatch(words)
        chosen = next((one for one in listed if change and one.number == int(change[1])), None)
        if change is None:
            await answer.finish(say("reminders_usage"))
        elif chosen is None:
            await answer.finish(say("reminder_unknown", number=change[1]))
        else:
            await answer.finish(await self._change(chosen, change[2].strip(), message.date, say))

    async def _change(self, reminder: Reminder, words: str, now: datetime, say: Say) -> str:
        """End or move a reminder; return the text for it."""
        reminders, owner = self.context.agent.layers.reminders, reminder.owner
        if words.lower() in _ENDS:
            await reminders.end(reminder.id, owner=owner)
            return say("reminder_ended", text=inline_code(reminder.text))
        zone = await ReminderDesk(self.context.agent.layers).zone(owner)
        schedule = read_time(words, now=now, zone=zone)
        if schedule is None:
            return say("reminder_no_time", words=inline_code(words))
        moved = await reminders.move(reminder.id, schedule, owner=owner)
        if moved is None:
            return say("reminder_gone")
        time = time_text(schedule, say)
        return say("reminder_set", text=inline_code(reminder.text), time=time, zone=schedule.zone)


def _list_text(reminders: Sequence[Reminder], say: Say) -> str:
    if not reminders:
        return say("reminders_none")
    lines = [f"**{one.number}** · {time_text(one.schedule, say)}: {_words(one)}" for one in reminders]
    return "\n".join([say("reminders_title"), "", *lines, "", say("reminders_usage")])


def _words(reminder: Reminder) -> str:
    speaker = f" ({escape(reminder.origin.speaker)})" if reminder.origin.speaker else ""
    return f"{inline_code(reminder.text)}{speaker}"
