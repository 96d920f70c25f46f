"""Notices of background jobs in the chat that started them: progress in one message, the result in a new one.

Notices pass through the lane of their chat like updates: in order, under a lease, sent once.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from bot.telegram.bot_context import BotContext, Say
from bot.telegram.inbox.lanes import NOTICE_MARK, Arrival, Claim
from bot.telegram.jobs.job_commands import progress_text, result_text
from bot.telegram.outbox.courier import Undeliverable
from bot.telegram.place import Place, place_of_lane
from graph.delegation.job import Job
from graph.delegation.notices import read_notice
from memory.errors import TierUnavailable

FIRST_UPDATE = 2**52
"""Notices are numbered from here, far above Telegram's update ids."""
FIRST_PROGRESS = 2**53
"""The record of a job's progress messages is numbered from here."""
_DOWN_PAUSE = 3.0
logger = logging.getLogger(__name__)


async def move_notice(context: BotContext) -> bool:
    """Move the first notice, if any, into the lane of its chat; moving it twice adds it once."""
    notices = context.agent.layers.delegation.notices
    notice = await notices.first(context.box)
    if notice is None:
        return False
    number, content = FIRST_UPDATE + notice.number, json.loads(notice.raw)
    await context.lanes.put([stored_notice("notice", notice.place, number, content, NOTICE_MARK)])
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
        context, number = self.context, FIRST_PROGRESS + int(job.id, 16) % FIRST_UPDATE
        answer = await context.outbox.answer(place, number)
        if not answer.shown and not job.is_open:
            return
        try:
            await answer.put(progress_text(job, say))
        except Undeliverable as error:
            logger.info("Progress in chat %s cannot be shown: %s", place.chat_id, error)


def stored_notice(kind: str, lane: str, number: int, content: object, mark: bytes) -> Arrival:
    """Return a notice as a lane stores it, in the form of an update, so that `lane_of` finds its chat."""
    place = place_of_lane(lane)
    message = {
        "chat": {"id": place.chat_id},
        "message_thread_id": place.topic,
        "is_topic_message": bool(place.topic),
        "goat": content,
    }
    return Arrival(number, lane, mark + json.dumps({"update_id": number, kind: message}).encode())


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
