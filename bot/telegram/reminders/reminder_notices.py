"""Due reminders in the chats where they were asked for, through the lanes, as notices of jobs.

A lane holds a reminder's id, not its text, so that erasing the reminder erases the text.
"""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from telegram import InlineKeyboardMarkup

from bot.reminders.reminder_desk import ReminderDesk
from bot.reminders.reminder_list import time_text
from bot.telegram.bot_context import BotContext, Say
from bot.telegram.inbox.lanes import REMINDER_MARK, Arrival, Claim
from bot.telegram.jobs.notifier import stored_notice
from bot.telegram.place import place_of_lane
from bot.telegram.reminders.reminder_controls import undo_button
from bot.telegram.texts import escape, inline_code
from memory.models import Episode
from memory.reminders.reminder import Reminder, is_late

FIRST_RING = 2**51
"""Due reminders are numbered from here: above Telegram's update ids, below the notices of jobs."""
_LONGEST_MEMORY = 300


async def move_reminders(context: BotContext, now: datetime | None = None) -> int:
    """Move due reminders into the lanes of their chats, each once; return how many."""
    now, reminders = now or datetime.now(UTC), context.agent.layers.reminders
    due = await reminders.due(context.box, now)
    if due:
        await context.lanes.put([_arrival(held.reminder) for held in due])
    for held in due:
        await reminders.advance(held, now)
    return len(due)


@dataclass(frozen=True, slots=True)
class ReminderHandler:
    """Sends a due reminder, unless it was ended or moved, or its chat lost access."""

    context: BotContext

    async def __call__(self, claim: Claim) -> None:
        """Send the claimed reminder.

        Raises:
            LaneLost, NotDelivered, InvalidToken, TierUnavailable: it was not sent; retry.
        """
        stored, context = json.loads(claim.update), self.context
        note, number = stored["reminder"]["goat"], stored["update_id"]
        reminders = context.agent.layers.reminders
        reminder = await reminders.find(note["id"], owner=note["owner"])
        if reminder is None or (reminder.ring != note["ring"] and not reminder.schedule.rule):
            return
        place = place_of_lane(reminder.origin.place)
        if not place.private:  # a group that becomes a supergroup gets another id
            place = replace(place, chat_id=await context.access.latest_id(place.chat_id))
        if await context.may_send(place) and await context.owner(place) == reminder.owner:
            asked = reminder.origin.message
            answer = await context.outbox.answer(place, number, asked, replies=True)
            if not answer.sent:
                say = partial(context.texts, reminder.origin.language)
                shown = (await context.records.turn(number)).shown
                due = datetime.fromisoformat(note["due"])
                text = await self._text(
                    reminder, due, say, late=not shown and is_late(due, datetime.now(UTC))
                )
                buttons = InlineKeyboardMarkup([[undo_button(reminder, say)]])
                await answer.finish(text, buttons if reminder.schedule.rule else None)
        if not reminder.schedule.rule:
            await reminders.end(reminder.id, owner=reminder.owner)

    async def _text(self, reminder: Reminder, due: datetime, say: Say, *, late: bool) -> str:
        """Return the reminder's text with memories that are relevant to it."""
        schedule, speaker = reminder.schedule, reminder.origin.speaker
        text = escape(reminder.text)
        parts = [say("reminder_ring_of", speaker=escape(speaker), text=text) if speaker else f"⏰ {text}"]
        if late:
            parts.append(say("reminder_late", time=time_text(replace(schedule, at=due, rule=""), say)))
        following = schedule.after(max(due, datetime.now(UTC))) if schedule.rule else None
        if following is not None:
            parts.append(say("reminder_next", time=time_text(following, say)))
        if memories := await ReminderDesk(self.context.agent.layers).memories(reminder):
            lines = [self._memory_line(memory, reminder) for memory in memories]
            parts.append("\n".join([say("reminder_memories"), *lines]))
        return "\n\n".join(parts)

    def _memory_line(self, memory: Episode, reminder: Reminder) -> str:
        at = memory.at.astimezone(reminder.schedule.local.tzinfo)
        return f"- {at:%Y-%m-%d}: {inline_code(memory.said[:_LONGEST_MEMORY])}"


def _arrival(reminder: Reminder) -> Arrival:
    content = {
        "owner": reminder.owner,
        "id": reminder.id,
        "ring": reminder.ring,
        "due": reminder.schedule.at.isoformat(),
    }
    number = FIRST_RING + reminder.ring
    return stored_notice("reminder", reminder.origin.place, number, content, REMINDER_MARK)
