"""The outbox: answers that are shown as drafts while they are written, and delivered exactly once."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from telegram import Bot, InlineKeyboardMarkup
from telegram.error import BadRequest, InvalidToken, TelegramError

from bot.telegram.outbox.answer_messages import AnswerMessages
from bot.telegram.outbox.bot_api import Calls, Upload
from bot.telegram.outbox.courier import Courier, Undeliverable
from bot.telegram.outbox.message_format import preview
from bot.telegram.place import Place
from bot.telegram.turn_records import Records, TurnRecord
from memory.errors import GoatError

__all__ = ["Answer", "Outbox", "Upload"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outbox:
    """Sends answers."""

    bot: Bot
    courier: Courier
    records: Records
    delayed: set[int] = field(default_factory=set)
    """Updates whose senders were told of a delay."""

    async def answer(
        self, place: Place, update_id: int, asked: int = 0, *, replies: bool = False
    ) -> "Answer":
        """Open or resume the answer to an update; in a group, or if it `replies`, to the message `asked`."""
        calls = Calls(self.bot, place, asked, update_id, replies or not place.private)
        return Answer(self, calls, await self.records.turn(update_id))


class Answer:
    """The answer to one update."""

    def __init__(self, outbox: Outbox, calls: Calls, record: TurnRecord) -> None:
        self._outbox = outbox
        self._calls = calls
        self._messages = AnswerMessages(calls, outbox.courier, outbox.records, record)
        self._chat = calls.place.chat_id
        self._update_id = calls.update_id
        self._drafts = calls.place.private
        self.sent = record.sent
        """True once it is delivered."""
        self.begun = bool(record.shown or record.sending or record.turn_id or record.sent)
        """True if an earlier attempt exists."""

    @property
    def has_drafts(self) -> bool:
        """Return True where Telegram shows drafts, unless the answer replaces messages."""
        return self._drafts and not self._messages

    async def take_over(self, shown: Sequence[int]) -> None:
        """Reuse the messages of an earlier answer."""
        if not self._messages and shown:
            await self._messages.take_over(shown)

    def until_frame(self) -> float:
        """Return the seconds until the next frame is allowed."""
        return self._outbox.courier.until_frame(self._chat)

    async def frame(self, markdown: str) -> None:
        """Show the unfinished answer as a draft, unless it is too soon; may be cancelled."""
        if self.until_frame():
            return
        piece = await asyncio.to_thread(preview, markdown)
        if not piece.text.strip():
            return
        try:
            await self._outbox.courier.frame(self._chat, lambda: self._calls.draft(piece))
        except (BadRequest, InvalidToken) as error:
            self._drafts = False
            logger.info("Telegram refused a draft: %s", error.message)

    async def announce_delay(self, markdown: str) -> None:
        """Explain a delay, once, in the answer's message; failures are logged."""
        if self._update_id in self._outbox.delayed:
            return
        self._outbox.delayed.add(self._update_id)
        try:
            await self._messages.put(markdown)
        except (GoatError, TelegramError) as error:
            logger.info("A delay could not be announced: %s", error)

    async def finish(
        self, markdown: str, buttons: InlineKeyboardMarkup | None = None, upload: Upload | None = None
    ) -> None:
        """Deliver the whole answer, a file last; parts already delivered are not sent again.

        Raises:
            LaneLost, NotDelivered, InvalidToken: it is not delivered; retry.
        """
        if self.sent:
            return
        try:
            await self._messages.put(markdown, buttons, upload)
        except Undeliverable as error:
            logger.warning("An answer in chat %s cannot be delivered: %s", self._chat, error)
        await self._outbox.records.mark_sent(self._update_id)
        self._outbox.delayed.discard(self._update_id)
        self.sent = True
