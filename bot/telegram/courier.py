"""Calls to the Bot API that get through: waits as Telegram asks, tries again, never holds up another chat."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from datetime import timedelta
from typing import TypeVar

from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)

from bot.telegram.lanes import Claim
from memory.errors import GoatError

T = TypeVar("T")
logger = logging.getLogger(__name__)

HOLDER: ContextVar[Claim | None] = ContextVar("holder", default=None)
"""The claim of the lane that the running task works on."""
PRIVATE_PAUSE, GROUP_PAUSE = 0.5, 3.0
"""Seconds between two frames in a chat. Telegram takes 20 messages a minute in a group, edits included."""
PATIENCE = 15 * 60.0
"""Seconds after which an answer that does not get through is put off."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 30.0


class LaneLost(GoatError):
    """Somebody else works on this lane by now: nothing more may be sent for it."""


class NotDelivered(GoatError):
    """Telegram could not be reached for a long time; to be tried again."""


class Undeliverable(GoatError):
    """Telegram will not take it: the bot was blocked, the chat is gone, or writing is not allowed."""


class Courier:
    """Make calls for chats, each at its own pace."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._blocked: dict[int, float] = {}
        """Until when Telegram wants to hear nothing for a chat."""
        self._next_frame: dict[int, float] = {}
        self._finals: defaultdict[int, int] = defaultdict(int)

    async def deliver(self, chat_id: int, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call until it gets through; goes before the frames of its chat.

        Raises:
            LaneLost: the lane is not ours any more.
            NotDelivered: it did not get through in a long time.
            Undeliverable: Telegram refuses for good.
            BadRequest: Telegram refuses what is sent.
            InvalidToken: the token was revoked.
        """
        self._finals[chat_id] += 1
        try:
            return await self._until_through(chat_id, call)
        finally:
            self._finals[chat_id] -= 1
            if not self._finals[chat_id]:
                del self._finals[chat_id]

    async def frame(self, chat_id: int, call: Callable[[], Awaitable[object]]) -> bool:
        """Make a call that may as well be left out, as when it is too soon; return whether it got through."""
        now = time.monotonic()
        if self._finals.get(chat_id) or now < max(
            self._next_frame.get(chat_id, 0), self._blocked.get(chat_id, 0)
        ):
            return False
        self._next_frame[chat_id] = now + (PRIVATE_PAUSE if chat_id > 0 else GROUP_PAUSE)
        check_held()
        try:
            await call()
        except RetryAfter as error:
            self._block(chat_id, error)
            return False
        except InvalidToken:
            raise
        except TelegramError as error:
            logger.debug("A frame was left out: %s", error)
            return False
        return True

    async def _until_through(self, chat_id: int, call: Callable[[], Awaitable[T]]) -> T:
        until, pause = time.monotonic() + self._patience, FIRST_PAUSE
        while True:
            await asyncio.sleep(max(0.0, self._blocked.get(chat_id, 0) - time.monotonic()))
            check_held()
            try:
                return await call()
            except RetryAfter as error:
                self._block(chat_id, error)
            except (BadRequest, InvalidToken):
                raise
            except (Forbidden, ChatMigrated) as error:
                raise Undeliverable(str(error)) from None
            except NetworkError as error:
                logger.info("Telegram cannot be reached, trying again in %.1f s: %s", pause, error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            if time.monotonic() > until:
                raise NotDelivered("Telegram could not be reached, or asked to wait, for too long.")

    def _block(self, chat_id: int, error: RetryAfter) -> None:
        self._blocked[chat_id] = time.monotonic() + seconds_of(error) + 0.1


def seconds_of(error: RetryAfter) -> float:
    """Return how long Telegram asks to wait."""
    wait = error.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


def check_held() -> None:
    """Raise `LaneLost` when the running task's lane went to somebody else, as after a long pause."""
    claim = HOLDER.get()
    if claim is not None and not claim.held:
        raise LaneLost("This lane went to another worker while this one stood still.")
