"""Workers that handle lanes: in order within a chat, many chats in parallel, retried after a crash.

The dispatcher passes what they claim to its handlers.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from telegram.error import InvalidToken

from bot.telegram.bot_context import BotContext
from bot.telegram.gate.gate import is_for_bot
from bot.telegram.inbox.lanes import (
    HOLDER,
    NOTICE_MARK,
    REMINDER_MARK,
    Claim,
    LaneLost,
    Lanes,
    NotDelivered,
    UnreadableUpdate,
)
from bot.telegram.process.application import App
from bot.telegram.process.notice_handlers import NoticeHandler, ReminderHandler
from memory.concurrency.tasks import end
from memory.errors import GoatError, ThreadBusy, TierUnavailable
from memory.working.redis_connection import RedisConnection

MOST_TRIES = 5
"""Failures after which an update is given up."""
MOST_BEGUN = 12
"""Attempts after which an update is given up because it crashes its process."""
_IDLE_SECONDS = 1.0
_BUSY_PAUSE, _DOWN_PAUSE = 1.0, 3.0
GATHERING_SECONDS = 1.0
"""Seconds to wait for more private messages, which often come together: one rewrite serves all."""
SHARE = 0.1
"""Maximum share of the time that is spent on rewrites."""
logger = logging.getLogger(__name__)

Handle = Callable[[Claim], Awaitable[None]]


class Workers:
    """Handles up to `parallel` lanes at once."""

    def __init__(self, lanes: Lanes, handle: Handle, give_up: Handle, parallel: int) -> None:
        """`handle` handles an update; `give_up` tells its sender that it is given up.

        `give_up` may reduce the claim's update to what may be stored.
        """
        self._lanes = lanes
        self._handle = handle
        self._give_up = give_up
        self._slots = asyncio.Semaphore(parallel)
        self._running: set[asyncio.Task[None]] = set()
        self.private_done = asyncio.Event()
        """Set when a private update has left its lane."""

    async def run(self) -> None:
        """Claim and handle lanes until cancelled; running ones continue until `drain`."""
        while True:
            await self._slots.acquire()
            task = None
            try:
                if claim := await self._lanes.claim():
                    task = asyncio.create_task(self._work(claim))
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)
                    task.add_done_callback(lambda _: self._slots.release())
                else:
                    await self._lanes.wait(_IDLE_SECONDS)
            except TierUnavailable as error:
                logger.warning("No updates are handled: %s", error)
                await asyncio.sleep(_IDLE_SECONDS)
            finally:
                if task is None:
                    self._slots.release()

    async def drain(self, seconds: float) -> None:
        """Wait for running lanes, then cancel the rest; other workers resume them."""
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)
        await end(*self._running)

    async def _work(self, claim: Claim) -> None:
        HOLDER.set(claim)
        current = asyncio.current_task()
        lost = asyncio.Event()
        renewal = asyncio.create_task(self._renew_lease(claim, current, lost))
        try:
            await self._process(claim)
        except asyncio.CancelledError:
            if not lost.is_set():
                await self._release(self._lanes.put_off(claim, 0.0, counted=False))
                raise
            logger.warning("Lane %s went to another worker.", claim.lane)
        except LaneLost as error:
            logger.warning("Lane %s: %s", claim.lane, error)
        finally:
            renewal.cancel()

    async def _process(self, claim: Claim) -> None:
        """Handle an update and decide whether to finish, put off or give up."""
        try:
            if claim.tries > MOST_BEGUN:
                await self._bury(claim, f"begun {MOST_BEGUN} times, and never ended")
            else:
                await self._handle(claim)
                await self._finish(claim, self._lanes.done(claim))
        except LaneLost:
            raise
        except ThreadBusy:
            await self._release(self._lanes.put_off(claim, _BUSY_PAUSE, counted=False))
        except (TierUnavailable, NotDelivered) as error:
            logger.warning("A message is put off: %s", error)
            pause = max(_DOWN_PAUSE, error.seconds if isinstance(error, NotDelivered) else 0.0)
            await self._release(self._lanes.put_off(claim, pause, counted=False))
        except UnreadableUpdate as error:
            await self._bury(claim, str(error))
        except Exception as error:  # process edge: the lane continues after any error
            logger.exception("An update failed (attempt %d)", claim.tries)
            if claim.tries >= MOST_TRIES:
                await self._bury(claim, f"{type(error).__name__}: {error}")
            else:
                await self._release(self._lanes.put_off(claim, 2.0 ** (claim.tries - 2), counted=True))

    async def _bury(self, claim: Claim, reason: str) -> None:
        logger.error("An update was given up (`goat doctor` lists them): %s", reason)
        try:
            await self._give_up(claim)
        except Exception:  # process edge: the update is given up in any case
            logger.exception("The sender could not be told that an update was given up")
        await self._finish(claim, self._lanes.bury(claim, reason))

    async def _renew_lease(
        self, claim: Claim, current: "asyncio.Task[None] | None", lost: asyncio.Event
    ) -> None:
        """Renew the lease; stop the work if another worker holds the lane."""
        while True:
            await asyncio.sleep(self._lanes.lease / 3)
            try:
                kept = await self._lanes.renew(claim)
            except TierUnavailable:
                continue
            if not kept:
                lost.set()
                if current is not None:
                    current.cancel()
                return

    async def _finish(self, claim: Claim, call: Awaitable[bool]) -> None:
        await self._release(call)
        if claim.private:
            self.private_done.set()

    async def _release(self, call: Awaitable[bool]) -> None:
        """Release a lane; if Redis is down, its lease expires, and a worker finds the update handled."""
        try:
            await call
        except TierUnavailable as error:
            logger.warning("A lane waits for its lease to end: %s", error)


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Passes a claimed update, notice or reminder to its handlers, and raises what they raise."""

    app: App
    context: BotContext

    async def __call__(self, claim: Claim) -> None:
        """Handle the claimed entry.

        Raises:
            UnreadableUpdate: it is not an update.
            NotDelivered: Telegram refuses the bot's token.
            Exception: any that a handler raised.
        """
        try:
            if claim.update.startswith(REMINDER_MARK):
                await ReminderHandler(self.context)(claim)
            elif claim.update.startswith(NOTICE_MARK):
                await NoticeHandler(self.context)(claim)
            else:
                update = self.context.parse(claim.update)
                await self.app.process_update(update)
                if failure := self.context.failures.pop(update.update_id, None):
                    raise failure
        except InvalidToken as error:
            raise NotDelivered("Telegram refuses the bot's token.") from error

    async def give_up(self, claim: Claim) -> None:
        """Tell the sender that the update is given up; reduce a private one to its id."""
        try:
            update = self.context.parse(claim.update)
        except UnreadableUpdate:
            return
        message = update.message or update.edited_message
        private = claim.private or (message is not None and self.context.read(message).private)
        claim.private = private
        if private:
            claim.update = json.dumps({"update_id": update.update_id}).encode()
        if update.message is None or not is_for_bot(update.message, self.context.me):
            return
        if await self.context.trusts(update):
            await self.context.reply(update, "private_failed" if private else "gave_up")


async def sweep(redis: RedisConnection, left: asyncio.Event) -> None:
    """Remove private messages from Redis' append-only file, by rewriting it whenever `left` is set.

    The first rewrite is at the start, because of messages that a crash left.
    """
    while True:
        began = time.monotonic()
        try:
            problem = await redis.rewrite_files()
        except GoatError as error:
            problem = str(error)
        if problem:
            logger.warning("Private messages may stay on the disk of Redis: %s", problem)
        pause = (time.monotonic() - began) / SHARE
        await left.wait()
        await asyncio.sleep(max(GATHERING_SECONDS, pause))
        left.clear()
