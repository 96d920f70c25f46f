"""The outbox: an answer that is shown as it is written, and ends up in the chat exactly once.

Its place in the chat is taken by a short message first, whose id is noted; what the answer says is put there
by edits, which may be done again. Only between a message and the note of its id can a crash leave a trace: an
ellipsis that stays.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from telegram import Bot, InlineKeyboardMarkup, LinkPreviewOptions, Message, ReplyParameters
from telegram.error import BadRequest

from bot.telegram.courier import Courier, Undeliverable
from bot.telegram.formatting import Piece, pieces, plain_pieces, preview
from bot.telegram.place import Place
from bot.telegram.records import Records

PLACEHOLDER = "…"
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_DRAFT_IDS = 2**31 - 1
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outbox:
    """What sends answers."""

    bot: Bot
    courier: Courier
    records: Records

    async def answer(self, place: Place, update_id: int, reply_to: int = 0) -> "Answer":
        """Begin, or go on with, the answer to an update; in a group it replies to the message `reply_to`."""
        record = await self.records.turn(update_id)
        return Answer(
            self, place, update_id, 0 if place.private else reply_to, list(record.shown), record.sent
        )


class Answer:
    """The answer to one update."""

    def __init__(
        self, box: Outbox, place: Place, update_id: int, reply_to: int, shown: list[int], sent: bool
    ) -> None:
        self._box = box
        self._place = place
        self._update_id = update_id
        self._reply_to = reply_to
        self._shown = shown
        self.sent = sent
        """It is out already."""

    async def take_over(self, shown: Sequence[int]) -> None:
        """Put this answer into the messages of an earlier one."""
        if not self._shown:
            self._shown = list(shown)
            await self._box.records.show(self._update_id, self._place.chat_id, self._shown)

    async def frame(self, markdown: str) -> None:
        """Show what is written so far, unless it is too soon after the last time."""
        piece = preview(markdown)
        if self._place.private and not self._shown:
            await self._box.courier.frame(self._place.chat_id, lambda: self._draft(piece))
        elif piece.text.strip():
            await self._place_for(0)
            await self._box.courier.frame(self._place.chat_id, lambda: self._edit(self._shown[0], piece))

    async def finish(self, markdown: str, buttons: InlineKeyboardMarkup | None = None) -> None:
        """Put the whole answer into the chat; what is there already is not sent again.

        Raises:
            LaneLost, NotDelivered, InvalidToken: it is not out, and to be tried again.
        """
        if self.sent:
            return
        try:
            await self._put(markdown, buttons)
        except Undeliverable as error:
            logger.warning("An answer in chat %s cannot be delivered: %s", self._place.chat_id, error)
        await self._box.records.sent(self._update_id)
        self.sent = True

    async def _put(self, markdown: str, buttons: InlineKeyboardMarkup | None) -> None:
        rich, plain = pieces(markdown), plain_pieces(markdown)
        for number, piece in enumerate(rich):
            last = number == len(rich) - 1
            spare = plain[number] if len(plain) == len(rich) else Piece(piece.text, ())
            await self._fill(number, piece, spare, buttons if last else None)
        for message_id in self._shown[len(rich) :]:
            await self._remove(message_id)
        if len(self._shown) > len(rich):
            self._shown = self._shown[: len(rich)]
            await self._box.records.show(self._update_id, self._place.chat_id, self._shown)

    async def _fill(
        self, number: int, piece: Piece, spare: Piece, buttons: InlineKeyboardMarkup | None
    ) -> None:
        await self._place_for(number)
        for attempt in (piece, spare, spare):
            if await self._filled(number, attempt, buttons):
                return
        raise Undeliverable("Telegram refuses the text")

    async def _filled(self, number: int, piece: Piece, buttons: InlineKeyboardMarkup | None) -> bool:
        message_id = self._shown[number]
        try:
            await self._box.courier.deliver(
                self._place.chat_id, lambda: self._edit(message_id, piece, buttons)
            )
        except BadRequest as error:
            reason = error.message.lower()
            if "not modified" in reason:
                return True
            if "message to edit not found" in reason or "can't be edited" in reason:
                await self._place_for(number, anew=True)
            logger.info("Telegram refused an edit: %s", error.message)
            return False
        return True

    async def _place_for(self, number: int, *, anew: bool = False) -> None:
        """Have a message of the bot in the chat for a piece of the answer, and its id noted."""
        if number < len(self._shown) and not anew:
            return
        try:
            message = await self._box.courier.deliver(self._place.chat_id, self._ellipsis)
        except BadRequest as error:
            raise Undeliverable(error.message) from None
        self._shown[number : number + 1] = [message.message_id]
        await self._box.records.show(self._update_id, self._place.chat_id, self._shown)

    async def _ellipsis(self) -> Message:
        place, reply = self._place, None
        if self._reply_to and not self._shown:
            reply = ReplyParameters(self._reply_to, allow_sending_without_reply=True)
        return await self._box.bot.send_message(
            place.chat_id, PLACEHOLDER, message_thread_id=place.topic or None, reply_parameters=reply
        )

    async def _edit(
        self, message_id: int, piece: Piece, buttons: InlineKeyboardMarkup | None = None
    ) -> object:
        return await self._box.bot.edit_message_text(
            piece.text,
            self._place.chat_id,
            message_id,
            entities=piece.entities,
            reply_markup=buttons,
            link_preview_options=_NO_PREVIEW,
        )

    async def _draft(self, piece: Piece) -> object:
        return await self._box.bot.send_message_draft(
            self._place.chat_id,
            self._update_id % _DRAFT_IDS or 1,
            piece.text,
            message_thread_id=self._place.topic or None,
            entities=piece.entities,
        )

    async def _remove(self, message_id: int) -> None:
        try:
            await self._box.courier.deliver(
                self._place.chat_id, lambda: self._box.bot.delete_message(self._place.chat_id, message_id)
            )
        except BadRequest as error:
            logger.info("A message was not deleted: %s", error.message)
