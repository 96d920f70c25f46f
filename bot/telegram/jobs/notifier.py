"""Word of delegated work, where it was given: its progress in one message, its result in a new one.

Notices go through the lane of their chat, as what comes from Telegram does: in order, under a lease, and
shown once by the same outbox. What Telegram sends is stored as `json.dumps` writes it: with no blank first.
"""

import asyncio
import json
import logging
from dataclasses import dataclass
from functools import partial

from telegram import Update

from bot.telegram.access.access import Role
from bot.telegram.bot_context import BotContext, Say
from bot.telegram.inbox.lanes import Arrival, Claim
from bot.telegram.jobs.job_commands import ended_text, progress_text
from bot.telegram.outbox.answer_messages import Shown
from bot.telegram.outbox.bot_api import Calls
from bot.telegram.outbox.courier import Undeliverable
from bot.telegram.place import Place
from graph.delegation.job import Job
from graph.delegation.notices import Address, Notice, read_notice
from graph.settings.telegram_settings import GroupPolicy
from memory.errors import TierUnavailable

FIRST_UPDATE = 2**52
"""Telegram's own updates have numbers far below: notices count from here."""
FIRST_PROGRESS = 2**53
"""The messages that show progress are noted under numbers from here, one a job."""
_MARK = b" "
_PAUSE, _DOWN_PAUSE = 0.5, 3.0
logger = logging.getLogger(__name__)

__all__ = ["Notifier", "Notifying", "box_of", "is_notice", "register"]


def box_of(desk: BotContext) -> str:
    """Name the box that the bot takes notices from."""
    return f"telegram:{desk.me.id}"


def is_notice(claim: Claim) -> bool:
    """Say whether what is first in a lane is a notice, and did not come from Telegram."""
    return claim.update.startswith(_MARK)


async def register(desk: BotContext, update: Update, place: Place, thread: str) -> None:
    """Note that word of what is delegated in a thread goes to this chat; without a model nothing can be."""
    if not desk.settings.model:
        return
    user = update.effective_user
    address = Address(box=box_of(desk), place=place.lane, language=(user.language_code if user else "") or "")
    notices = desk.agent.layers.delegation.notices
    await notices.register(thread, address, owner=await desk.owner(place))


@dataclass(frozen=True, slots=True)
class Notifier:
    """Move notices from the bot's box into the lanes of their chats."""

    desk: BotContext

    async def run(self) -> None:
        """Move notices until cancelled."""
        while True:
            try:
                moved = await self.move()
            except TierUnavailable as error:
                logger.warning("No notices are taken: %s", error)
                await asyncio.sleep(_DOWN_PAUSE)
            else:
                await asyncio.sleep(0 if moved else _PAUSE)

    async def move(self) -> bool:
        """Move the first notice, if there is any; done twice, it is in its lane once all the same."""
        notices, box = self.desk.agent.layers.delegation.notices, box_of(self.desk)
        notice = await notices.first(box)
        if notice is None:
            return False
        await self.desk.lanes.put([_arrival(notice)])
        await notices.remove(box, notice)
        return True


@dataclass(frozen=True, slots=True)
class Notifying:
    """Show what a notice is about, unless the chat is not let in any more or is not the job's owner's."""

    desk: BotContext

    async def __call__(self, claim: Claim) -> None:
        """Show the notice of a claim.

        Raises:
            LaneLost, NotDelivered, InvalidToken, TierUnavailable: it is not out, and to be tried again.
        """
        stored = json.loads(claim.update)
        notice = read_notice(json.dumps(stored["notice"]["goat"]).encode())
        place, desk = _place(notice.place), self.desk
        job = await desk.agent.layers.delegation.jobs.get(notice.job, owner=notice.owner)
        if job is None or not await self._is_let_in(place) or await desk.owner(place) != notice.owner:
            return
        say = partial(desk.texts, notice.language)
        if notice.is_end:
            await self._show_progress(job, place, say)
            answer = await desk.outbox.answer(place, stored["update_id"])
            await answer.finish(ended_text(job, say))
        elif job.is_open:
            await self._show_progress(job, place, say)

    async def _is_let_in(self, place: Place) -> bool:
        access = self.desk.access
        if place.private:
            return await access.role(place.chat_id) is not Role.STRANGER
        is_on = self.desk.settings.telegram_groups is not GroupPolicy.OFF
        return is_on and await access.group_allowed(place.chat_id)

    async def _show_progress(self, job: Job, place: Place, say: Say) -> None:
        """Put the progress into its message; that of a job that never showed any is not begun at its end."""
        desk, number = self.desk, FIRST_PROGRESS + int(job.id, 16) % FIRST_UPDATE
        ids = desk.outbox.unnoted.get(number) or list((await desk.records.turn(number)).shown)
        if not ids and not job.is_open:
            return
        calls = Calls(desk.bot, place, 0, number)
        shown = Shown(calls, desk.courier, desk.records, desk.outbox.unnoted, ids)
        try:
            await shown.put(progress_text(job, say), None, None)
        except Undeliverable as error:
            logger.info("Progress in chat %s cannot be shown: %s", place.chat_id, error)


def _arrival(notice: Notice) -> Arrival:
    """Return a notice as lanes take it; with its chat where an update has it, to find the lane again."""
    place, number = _place(notice.place), FIRST_UPDATE + notice.number
    message = {
        "chat": {"id": place.chat_id},
        "message_thread_id": place.topic,
        "is_topic_message": bool(place.topic),
        "goat": json.loads(notice.raw),
    }
    stored = json.dumps({"update_id": number, "notice": message})
    return Arrival(number, notice.place, _MARK + stored.encode())


def _place(lane: str) -> Place:
    chat_id, _, topic = lane.partition(":")
    return Place(int(chat_id), int(topic or 0), int(chat_id) > 0)
