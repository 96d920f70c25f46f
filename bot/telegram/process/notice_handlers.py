"""Notices of background jobs and due reminders, in the chats where they were asked for.

They pass through the lane of their chat like updates: in order, under a lease, sent once. A lane holds a
reminder's id, not its text, so that erasing the reminder erases the text.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from telegram import InlineKeyboardMarkup

from bot.printable import Say
from bot.reminder_desk import ReminderDesk, time_text
from bot.telegram.bot_context import BotContext
from bot.telegram.commands.job_commands import progress_text, result_text
from bot.telegram.inbox.lanes import NOTICE_MARK, REMINDER_MARK, Arrival, Claim
from bot.telegram.outbox.courier import Undeliverable
from bot.telegram.place import Place, place_of_lane
from bot.telegram.reminders import UNDO, reminder_button
from bot.telegram.texts import escape, inline_code
from graph.delegation.job import Job
from graph.delegation.notices import read_notice
from memory.errors import TierUnavailable
from memory.models import Episode
from memory.reminders.reminder import Reminder, is_late

FIRST_RING = 2**51
"""Due reminders are numbered from here: above Telegram's update ids, below the notices of jobs."""
FIRST_UPDATE = 2**52
"""Notices are numbered from here, far above Telegram's update ids."""
FIRST_PROGRESS = 2**53
"""The record of a job's progress messages is numbered from here."""
_DOWN_PAUSE = 3.0
_LONGEST_MEMORY = 300
logger = logging.getLogger(__name__)


async def move_forever(move: Callable[[], Awaitable[object]], what: str, pause: float) -> None:
    """Call `move` until cancelled; pause for `pause` seconds only when it moved nothing."""
    while True:
        try:
            moved = await move()
        except TierUnavailable as error:
            logger.warning("%s are delayed: %s", what, error)
            await asyncio.sleep(_DOWN_PAUSE)
        else:
            await asyncio.sleep(0 if moved else pause)


async def move_notice(context: BotContext) -> bool:
    """Move the first notice, if any, into the lane of its chat; moving it twice adds it once."""
    notices = context.agent.layers.delegation.notices
    notice = await notices.first(context.box)
    if notice is None:
        return False
    number, content = FIRST_UPDATE + notice.number, json.loads(notice.raw)
    await context.lanes.put([_stored("notice", notice.place, number, content, NOTICE_MARK)])
    await notices.remove(context.box, notice)
    return True


@dataclass(frozen=True, slots=True)
class NoticeHandler:
    """Send a notice, unless the chat lost access or is not the job's owner's."""

    context: BotContext

    async def __call__(self, claim: Claim) -> None:
        """Send the claimed notice.

        Raises:
            LaneLost, NotDelivered, InvalidToken, TierUnavailable: it was not sent; retry.
        """
        stored = json.loads(claim.update)
        notice = read_notice(json.dumps(stored["notice"]["goat"]).encode())
        place, context = place_of_lane(notice.place), self.context
        job = await context.agent.layers.delegation.jobs.get(notice.job, owner=notice.owner)
        if job is None or not await context.may_send(place) or await context.owner(place) != notice.owner:
            return
        say = partial(context.texts, notice.language)
        if notice.is_end:
            await self._show_progress(job, place, say)
            answer = await context.outbox.answer(place, stored["update_id"])
            await answer.finish(result_text(job, say, detailed=await context.sees_details(place)))
        elif job.is_open:
            await self._show_progress(job, place, say)

    async def _show_progress(self, job: Job, place: Place, say: Say) -> None:
        """Update the job's progress message; a job that ended without one gets none."""
        context, number = self.context, FIRST_PROGRESS + int(job.job_id, 16) % FIRST_UPDATE
        answer = await context.outbox.answer(place, number)
        if not answer.shown and not job.is_open:
            return
        try:
            await answer.put(progress_text(job, say))
        except Undeliverable as error:
            logger.info("Progress in chat %s cannot be shown: %s", place.chat_id, error)


async def move_reminders(context: BotContext, now: datetime | None = None) -> int:
    """Move due reminders into the lanes of their chats, each once; return how many."""
    now, reminders = now or datetime.now(UTC), context.agent.layers.reminders
    due = await reminders.due(context.box, now)
    if due:
        await context.lanes.put([_due(held.reminder) for held in due])
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
                buttons = InlineKeyboardMarkup([[reminder_button(reminder, UNDO, say)]])
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


def _due(reminder: Reminder) -> Arrival:
    content = {
        "owner": reminder.owner,
        "id": reminder.id,
        "ring": reminder.ring,
        "due": reminder.schedule.at.isoformat(),
    }
    number = FIRST_RING + reminder.ring
    return _stored("reminder", reminder.origin.place, number, content, REMINDER_MARK)


def _stored(kind: str, lane: str, number: int, content: object, mark: bytes) -> Arrival:
    """Return a notice as a lane stores it, in the form of an update, so that `lane_of` finds its chat."""
    place = place_of_lane(lane)
    message = {
        "chat": {"id": place.chat_id},
        "message_thread_id": place.topic,
        "is_topic_message": bool(place.topic),
        "goat": content,
    }
    return Arrival(number, lane, mark + json.dumps({"update_id": number, kind: message}).encode())
