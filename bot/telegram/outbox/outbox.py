"""The outbox: an answer that is shown as it is written, and ends up in the chat exactly once.

Its place in the chat is taken by a short message first, whose id is noted; what the answer says is put there
by edits, which may be done again. Only between a message and the note of its id can a crash leave a trace: an
ellipsis that stays.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from telegram import Bot, InlineKeyboardMarkup
from telegram.error import BadRequest, InvalidToken, TelegramError

from bot.telegram.outbox.answer_messages import Shown
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
    """What sends answers."""

    bot: Bot
    courier: Courier
    records: Records
    unnoted: dict[int, list[int]] = field(default_factory=dict)
    """Messages that show the answer to an update, and whose ids could not be noted yet."""
    told: set[int] = field(default_factory=set)
    """Updates whose people know that their answer takes longer."""

    async def answer(self, place: Place, update_id: int, reply_to: int = 0) -> "Answer":
        """Begin, or go on with, the answer to an update; in a group it replies to the message `reply_to`."""
        record = await self.records.turn(update_id)
        calls = Calls(self.bot, place, 0 if place.private else reply_to, update_id)
        ids = self.unnoted.get(update_id) or list(record.shown)
        shown = Shown(calls, self.courier, self.records, self.unnoted, ids)
        if update_id in self.unnoted:
            await shown.note()
        return Answer(self, calls, shown, sent=record.sent, begun=bool(ids or record.turn_id))


class Answer:
    """The answer to one update."""

    def __init__(self, box: Outbox, calls: Calls, shown: Shown, *, sent: bool, begun: bool) -> None:
        self._box = box
        self._calls = calls
        self._shown = shown
        self._chat = calls.place.chat_id
        self._update_id = calls.update_id
        self._drafts = calls.place.private
        self._marked = True
        self._framed = ""
        self._underway: asyncio.Task[None] | None = None
        """A frame that must not be cut off: it takes the answer's place, or edits what stands there."""
        self.sent = sent
        """It is out already."""
        self.begun = begun or sent
        """This is not the first try."""

    async def take_over(self, shown: Sequence[int]) -> None:
        """Put this answer into the messages of an earlier one."""
        if not self._shown and shown:
            await self._shown.take_over(shown)

    def until_frame(self) -> float:
        """Return the seconds until the next frame may be shown."""
        return self._box.courier.until_frame(self._chat)

    async def frame(self, markdown: str) -> None:
        """Show what is written so far, unless it is too soon after the last time; may be cancelled."""
        if self.until_frame() or self._underway is not None:
            return
        piece = await asyncio.to_thread(preview, markdown)
        if not piece.text.strip():
            return
        piece = piece if self._marked else Piece(piece.text, ())
        if self._drafts and not self._shown:
            await self._draft_frame(piece)
        elif piece.text != self._framed:
            self._underway = asyncio.create_task(self._edit_frame(piece))
            await asyncio.shield(self._settled())

    async def meanwhile(self, markdown: str) -> None:
        """Say, once and in the answer's place, why it takes longer; what fails is logged."""
        if self._update_id in self._box.told:
            return
        self._box.told.add(self._update_id)
        await self._settled()
        try:
            with suppress(TierUnavailable):
                await self._shown.place_for(0)
            await self._shown.refusal(0, preview(markdown), None)
        except (GoatError, TelegramError) as error:
            logger.info("Nobody could be told that an answer takes longer: %s", error)

    async def finish(
        self, markdown: str, buttons: InlineKeyboardMarkup | None = None, upload: Upload | None = None
    ) -> None:
        """Put the whole answer into the chat, a file last; what is there already is not sent again.

        Raises:
            LaneLost, NotDelivered, InvalidToken: it is not out, and to be tried again.
        """
        if self.sent:
            return
        await self._settled()
        try:
            await self._shown.put(markdown, buttons, upload)
        except Undeliverable as error:
            logger.warning("An answer in chat %s cannot be delivered: %s", self._chat, error)
        await self._box.records.sent(self._update_id)
        self._box.told.discard(self._update_id)
        self.sent = True

    async def _settled(self) -> None:
        """Wait for the frame that is underway; it takes little time, or what it waits for is needed."""
        if (underway := self._underway) is not None:
            await asyncio.wait({underway})
            self._underway = None
            underway.result()

    async def _draft_frame(self, piece: Piece) -> None:
        try:
            await self._box.courier.frame(self._chat, lambda: self._calls.draft(piece), DRAFT_PAUSE)
        except (BadRequest, InvalidToken) as error:
            if "entit" in error.message.lower() and piece.entities:
                self._marked = False
            else:
                self._drafts = False
            logger.info("Telegram refused a draft: %s", error.message)

    async def _edit_frame(self, piece: Piece) -> None:
        try:
            await self._shown.place_for(0)
            pause = EDIT_PAUSE if self._calls.place.private else GROUP_PAUSE
            edit = self._calls.edit_quickly
            if await self._box.courier.frame(self._chat, lambda: edit(self._shown.first, piece), pause):
                self._framed = piece.text
        except (GoatError, TelegramError) as error:
            logger.info("A frame was left out: %s", error)
