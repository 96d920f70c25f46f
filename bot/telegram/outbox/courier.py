"""Bot API calls: those of an answer, and retries of any, which obey Telegram's waits per chat.

No chat delays another.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from telegram import Bot, InlineKeyboardMarkup, LinkPreviewOptions, Message, ReplyParameters
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, RetryAfter, TelegramError

from bot.telegram.inbox.lanes import NotDelivered, check_held
from bot.telegram.outbox.message_format import Content, FormattedText, Upload
from bot.telegram.place import Place
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
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_DRAFT_IDS = 2**31 - 1
_FRAME_SECONDS = 2.0
"""Timeout of a frame; short, because the answer waits for it."""
_UPLOAD_SECONDS = 120.0


class Undeliverable(GoatError):
    """Telegram refuses for good: the bot was blocked, the chat is gone, or writing is not allowed."""


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls for one answer; each may raise `TelegramError`."""

    bot: Bot
    place: Place
    asked: int
    """Id of the message that is answered; 0 for none."""
    update_id: int
    replies: bool = True
    """The answer replies to it."""

    async def send(self, content: Content, buttons: InlineKeyboardMarkup | None, *, first: bool) -> int:
        """Send a message of the answer and return its id."""
        chat, where = self.place.chat_id, dict[str, Any](message_thread_id=self.place.topic or None)
        if first and self.asked and self.replies:
            where["reply_parameters"] = ReplyParameters(self.asked, allow_sending_without_reply=True)
        if isinstance(content, FormattedText):
            how: dict[str, Any] = {
                "entities": content.entities,
                "reply_markup": buttons,
                "link_preview_options": _NO_PREVIEW,
            }
            return (await self.bot.send_message(chat, content.text, **how, **where)).message_id
        how = {"caption": content.text, "caption_entities": content.entities, "filename": content.name}
        send = self.bot.send_photo if content.photo else self.bot.send_document
        return (await send(chat, content.content, write_timeout=_UPLOAD_SECONDS, **how, **where)).message_id

    async def edit(self, message_id: int, content: Content, buttons: InlineKeyboardMarkup | None) -> object:
        """Replace the content of a message."""
        chat = self.place.chat_id
        if isinstance(content, Upload):
            return await self.bot.edit_message_media(
                content.media, chat, message_id, write_timeout=_UPLOAD_SECONDS
            )
        return await self.bot.edit_message_text(
            content.text,
            chat,
            message_id,
            entities=content.entities,
            reply_markup=buttons,
            link_preview_options=_NO_PREVIEW,
        )

    async def set_buttons(self, message_id: int, buttons: InlineKeyboardMarkup | None) -> Message | str:
        """Replace the buttons under a message, which clients do not show as an edit; return the message."""
        chat = self.place.chat_id
        edited = await self.bot.edit_message_reply_markup(chat, message_id, reply_markup=buttons)
        return edited if isinstance(edited, Message) else ""

    async def draft(self, piece: FormattedText) -> object:
        """Show a frame as a draft."""
        return await self.bot.send_message_draft(
            self.place.chat_id,
            self.update_id % _DRAFT_IDS or 1,
            piece.text,
            message_thread_id=self.place.topic or None,
            entities=piece.entities,
            read_timeout=_FRAME_SECONDS,
        )

    async def delete(self, message_id: int) -> object:
        """Delete a message of the bot."""
        return await self.bot.delete_message(self.place.chat_id, message_id)


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
