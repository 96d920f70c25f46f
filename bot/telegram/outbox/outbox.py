"""The outbox: answers that are shown while they are written, and delivered exactly once.

A placeholder is sent first and its id recorded; edits, which are safe to repeat, then write the answer into
it. A crash between sending and recording is the only one that leaves a trace: a placeholder.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from telegram import Bot, InlineKeyboardMarkup
from telegram.error import BadRequest, InvalidToken, TelegramError

from bot.telegram.outbox.answer_messages import AnswerMessages
from bot.telegram.outbox.bot_api import PLACEHOLDER, Calls, Upload
from bot.telegram.outbox.courier import DRAFT_PAUSE, EDIT_PAUSE, GROUP_PAUSE, Courier, Undeliverable
from bot.telegram.outbox.message_format import Piece, preview
from bot.telegram.place import Place
from bot.telegram.turn_records import Records
from memory.errors import GoatError, TierUnavailable

__all__ = ["PLACEHOLDER", "Answer", "Outbox", "Upload"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outbox:
    """Sends answers."""

    bot: Bot
    courier: Courier
    records: Records
    unnoted: dict[int, list[int]] = field(default_factory=dict)
    """Update -> ids of answer messages that could not be recorded yet."""
    delayed: set[int] = field(default_factory=set)
    """Updates whose senders were told of a delay."""

    async def answer(self, place: Place, update_id: int, reply_to: int = 0) -> "Answer":
        """Open or resume the answer to an update; in a group it replies to the message `reply_to`."""
        record = await self.records.turn(update_id)
        calls = Calls(self.bot, place, 0 if place.private else reply_to, update_id)
        ids = self.unnoted.get(update_id) or list(record.shown)
        messages = AnswerMessages(calls, self.courier, self.records, self.unnoted, ids)
        if update_id in self.unnoted:
            await messages.note()
        return Answer(self, calls, messages, sent=record.sent, begun=bool(ids or record.turn_id))


class Answer:
    """The answer to one update."""

    def __init__(
        self, outbox: Outbox, calls: Calls, messages: AnswerMessages, *, sent: bool, begun: bool
    ) -> None:
        self._outbox = outbox
        self._calls = calls
        self._messages = messages
        self._chat = calls.place.chat_id
        self._update_id = calls.update_id
        self._drafts = calls.place.private
        self._with_entities = True
        self._last_frame = ""
        self._frame_task: asyncio.Task[None] | None = None
        """A frame that must not be cancelled: it sends the placeholder, or edits it."""
        self.sent = sent
        """True once it is delivered."""
        self.begun = begun or sent
        """True if an earlier attempt exists."""

    async def take_over(self, shown: Sequence[int]) -> None:
        """Reuse the messages of an earlier answer."""
        if not self._messages and shown:
            await self._messages.take_over(shown)

    def until_frame(self) -> float:
        """Return the seconds until the next frame is allowed."""
        return self._outbox.courier.until_frame(self._chat)

    async def frame(self, markdown: str) -> None:
        """Show the unfinished answer, unless it is too soon; may be cancelled."""
        if self.until_frame() or self._frame_task is not None:
            return
        piece = await asyncio.to_thread(preview, markdown)
        if not piece.text.strip():
            return
        piece = piece if self._with_entities else Piece(piece.text, ())
        if self._drafts and not self._messages:
            await self._draft_frame(piece)
        elif piece.text != self._last_frame:
            self._frame_task = asyncio.create_task(self._edit_frame(piece))
            await asyncio.shield(self._finish_frame())

    async def announce_delay(self, markdown: str) -> None:
        """Explain a delay, once, in the answer's message; failures are logged."""
        if self._update_id in self._outbox.delayed:
            return
        self._outbox.delayed.add(self._update_id)
        await self._finish_frame()
        try:
            with suppress(TierUnavailable):
                await self._messages.ensure_message(0)
            await self._messages.edit(0, preview(markdown), None)
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
        await self._finish_frame()
        try:
            await self._messages.put(markdown, buttons, upload)
        except Undeliverable as error:
            logger.warning("An answer in chat %s cannot be delivered: %s", self._chat, error)
        await self._outbox.records.mark_sent(self._update_id)
        self._outbox.delayed.discard(self._update_id)
        self.sent = True

    async def _finish_frame(self) -> None:
        """Wait for the running frame; its timeout is short, and the message it sends is needed."""
        if (task := self._frame_task) is not None:
            await asyncio.wait({task})
            self._frame_task = None
            task.result()

    async def _draft_frame(self, piece: Piece) -> None:
        try:
            await self._outbox.courier.frame(self._chat, lambda: self._calls.draft(piece), DRAFT_PAUSE)
        except (BadRequest, InvalidToken) as error:
            if "entit" in error.message.lower() and piece.entities:
                self._with_entities = False
            else:
                self._drafts = False
            logger.info("Telegram refused a draft: %s", error.message)

    async def _edit_frame(self, piece: Piece) -> None:
        try:
            await self._messages.ensure_message(0)
            pause = EDIT_PAUSE if self._calls.place.private else GROUP_PAUSE
            edit = self._calls.edit_quickly
            if await self._outbox.courier.frame(self._chat, lambda: edit(self._messages.first, piece), pause):
                self._last_frame = piece.text
        except (GoatError, TelegramError) as error:
            logger.info("A frame was left out: %s", error)
