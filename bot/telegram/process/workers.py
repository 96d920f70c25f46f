"""Work on the lanes: order within a chat, many chats at once, nothing lost when a worker dies."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot.telegram.inbox.lanes import HOLDER, Claim, LaneLost, Lanes, NotDelivered
from memory.concurrency.deadline import end
from memory.errors import ThreadBusy, TierUnavailable

MOST_TRIES = 5
"""Times that an update may fail before it is given up."""
MOST_BEGUN = 12
"""Times that it may be begun: fewer mean that it ends the processes that try it."""
_IDLE_SECONDS = 1.0
_BUSY_PAUSE, _DOWN_PAUSE = 1.0, 3.0
_DOWN = (TierUnavailable, NotDelivered)
logger = logging.getLogger(__name__)

Handle = Callable[[Claim], Awaitable[None]]


class Unreadable(Exception):
    """An update cannot be read, and never will be."""


class Workers:
    """Work on as many lanes at once as there are slots."""

    def __init__(self, lanes: Lanes, handle: Handle, give_up: Handle, parallel: int) -> None:
        """Take what deals with an update, and what tells its person that it is given up.

        The latter may replace the claim's update by what may be kept of it.
        """
        self._lanes = lanes
        self._handle = handle
        self._give_up = give_up
        self._slots = asyncio.Semaphore(parallel)
        self._running: set[asyncio.Task[None]] = set()
        self.private_left = asyncio.Event()
        """Set when a private update has left its lane."""

    async def run(self) -> None:
        """Claim lanes and work on them until cancelled; what runs then goes on: see `drain`."""
        while True:
            await self._slots.acquire()
            claim = None
            try:
                claim = await self._next()
            finally:
                if claim is None:
                    self._slots.release()
            if claim is not None:
                task = asyncio.create_task(self._work(claim))
                self._running.add(task)
                task.add_done_callback(self._ended)

    async def drain(self, seconds: float) -> None:
        """Let what runs come to its end; what does not in time is left where it is, for others to go on."""
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)
        await end(*self._running)

    async def _next(self) -> Claim | None:
        try:
            claim = await self._lanes.claim()
            if claim is None:
                await self._lanes.wait(_IDLE_SECONDS)
        except TierUnavailable as error:
            logger.warning("No messages are worked on: %s", error)
            await asyncio.sleep(_IDLE_SECONDS)
            return None
        return claim

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self._slots.release()

    async def _work(self, claim: Claim) -> None:
        HOLDER.set(claim)
        working = asyncio.current_task()
        lost = asyncio.Event()
        beating = asyncio.create_task(self._beat(claim, working, lost))
        try:
            await self._settle(claim)
        except asyncio.CancelledError:
            if not lost.is_set():
                await self._quietly(self._lanes.put_off(claim, 0.0, counted=False))
                raise
            logger.warning("Lane %s went to another worker.", claim.lane)
        except LaneLost as error:
            logger.warning("Lane %s: %s", claim.lane, error)
        finally:
            beating.cancel()

    async def _settle(self, claim: Claim) -> None:
        """Deal with an update, and decide what becomes of its lane."""
        try:
            if claim.tries > MOST_BEGUN:
                await self._bury(claim, f"begun {MOST_BEGUN} times, and never ended")
            else:
                await self._handle(claim)
                await self._leave(claim, self._lanes.done(claim))
        except LaneLost:
            raise
        except ThreadBusy:
            await self._quietly(self._lanes.put_off(claim, _BUSY_PAUSE, counted=False))
        except _DOWN as error:
            logger.warning("A message is put off: %s", error)
            pause = max(_DOWN_PAUSE, error.seconds if isinstance(error, NotDelivered) else 0.0)
            await self._quietly(self._lanes.put_off(claim, pause, counted=False))
        except Unreadable as error:
            await self._bury(claim, str(error))
        except Exception as error:  # the edge of the process: whatever is wrong, the lane goes on
            logger.exception("An update failed at try %d", claim.tries)
            await self._failed(claim, f"{type(error).__name__}: {error}")

    async def _failed(self, claim: Claim, reason: str) -> None:
        if claim.tries >= MOST_TRIES:
            await self._bury(claim, reason)
        else:
            await self._quietly(self._lanes.put_off(claim, 2.0 ** (claim.tries - 2), counted=True))

    async def _bury(self, claim: Claim, reason: str) -> None:
        logger.error("An update was given up (`goat doctor` lists them): %s", reason)
        try:
            await self._give_up(claim)
        except Exception:  # it is given up for good reason
            logger.exception("Nobody could be told that an update was given up")
        await self._leave(claim, self._lanes.bury(claim, reason))

    async def _beat(self, claim: Claim, working: "asyncio.Task[None] | None", lost: asyncio.Event) -> None:
        """Renew the lease; when somebody else has the lane, stop working on it."""
        while True:
            await asyncio.sleep(self._lanes.lease / 3)
            try:
                kept = await self._lanes.renew(claim)
            except TierUnavailable:
                continue
            if not kept:
                lost.set()
                if working is not None:
                    working.cancel()
                return

    async def _leave(self, claim: Claim, call: Awaitable[bool]) -> None:
        await self._quietly(call)
        if claim.private:
            self.private_left.set()

    async def _quietly(self, call: Awaitable[bool]) -> None:
        """Let a lane go; without Redis its lease runs out instead, and the update is found dealt with."""
        try:
            await call
        except TierUnavailable as error:
            logger.warning("A lane waits for its lease to end: %s", error)
