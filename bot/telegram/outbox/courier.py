"""Bot API calls with retries, which obey Telegram's waits per chat, so that no chat delays another."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    RetryAfter,
    TelegramError,
)

from bot.telegram.inbox.lanes import NotDelivered, check_held
from memory.errors import GoatError

T = TypeVar("T")
logger = logging.getLogger(__name__)

FRAME_PAUSE = 0.5
"""Seconds between frames in a chat."""
PATIENCE = 15 * 60.0
"""Seconds of retries after which an answer is put off."""
LONGEST_WAIT = 30.0
"""Longest wait asked by Telegram, in seconds, that is waited for; an answer is put off for longer ones."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 30.0


class Undeliverable(GoatError):
    """Telegram refuses for good: the bot was blocked, the chat is gone, or writing is not allowed."""


class Courier:
    """Makes calls, paced per chat."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._blocked: dict[int, float] = {}
        """Chat -> time until which Telegram asked to wait."""
        self._next_frame: dict[int, float] = {}
        self._finals: defaultdict[int, int] = defaultdict(int)

    async def deliver(
        self,
        chat_id: int,
        call: Callable[[], Awaitable[T]],
        find: Callable[[], Awaitable[T | None]] | None = None,
    ) -> T:
        """Make a call and retry until it succeeds; takes precedence over the chat's frames.

        `find` is for calls that must not be repeated: after a lost reply, it returns the call's result, or
        None if the call had no effect.

        Raises:
            LaneLost: another worker holds the lane.
            NotDelivered: retries took too long.
            Undeliverable: Telegram refuses for good.
            BadRequest: Telegram refuses the content.
            InvalidToken: the token was revoked.
        """
        self._finals[chat_id] += 1
        try:
            return await self._retry(chat_id, call, find)
        finally:
            self._finals[chat_id] -= 1
            if not self._finals[chat_id]:
                del self._finals[chat_id]

    def until_frame(self, chat_id: int) -> float:
        """Return the seconds until the chat's next frame is allowed."""
        due = max(self._next_frame.get(chat_id, 0.0), self._blocked.get(chat_id, 0.0))
        return max(0.0, due - time.monotonic())

    async def frame(self, chat_id: int, call: Callable[[], Awaitable[object]]) -> bool:
        """Make a call once, unless it is too soon; return True if it succeeded.

        Raises:
            LaneLost: another worker holds the lane.
            BadRequest, InvalidToken: Telegram refuses the content, or does not know the method.
        """
        if self._finals.get(chat_id) or self.until_frame(chat_id):
            return False
        check_held()
        try:
            await call()
        except (BadRequest, InvalidToken):
            raise
        except RetryAfter as error:
            self._block(chat_id, error)
        except TelegramError as error:
            logger.debug("A frame was left out: %s", error)
        else:
            return True
        finally:
            self._next_frame[chat_id] = time.monotonic() + FRAME_PAUSE
        return False

    async def _retry(
        self,
        chat_id: int,
        call: Callable[[], Awaitable[T]],
        find: Callable[[], Awaitable[T | None]] | None,
    ) -> T:
        until, pause = time.monotonic() + self._patience, FIRST_PAUSE
        while True:
            await self._wait_if_blocked(chat_id)
            check_held()
            try:
                return await call()
            except RetryAfter as error:
                self._block(chat_id, error)
            except (BadRequest, InvalidToken):
                raise
            except (Forbidden, ChatMigrated) as error:
                raise Undeliverable(str(error)) from None
            except TelegramError as error:
                logger.info("Telegram cannot be reached, retrying in %.1f s: %s", pause, brief(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                if find is not None and (found := await find()) is not None:
                    return found
            if time.monotonic() > until:
                raise NotDelivered("Telegram could not be reached, or asked to wait, for too long.")

    async def _wait_if_blocked(self, chat_id: int) -> None:
        """Wait as long as Telegram asked to for this chat."""
        wait = self._blocked.get(chat_id, 0.0) - time.monotonic()
        if wait > min(LONGEST_WAIT, self._patience):
            raise NotDelivered(f"Telegram asks to wait {wait:.0f} s for this chat.", wait)
        if wait > 0:
            await asyncio.sleep(wait)
        else:
            self._blocked.pop(chat_id, None)

    def _block(self, chat_id: int, error: RetryAfter) -> None:
        self._blocked[chat_id] = time.monotonic() + retry_seconds(error) + 0.1


def brief(error: TelegramError) -> str:
    """Return an error's text without the page that a gateway sent."""
    return str(error).partition(". Parsing the server response")[0]


def retry_seconds(error: RetryAfter) -> float:
    """Return the seconds that Telegram asks to wait."""
    wait = error.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)
