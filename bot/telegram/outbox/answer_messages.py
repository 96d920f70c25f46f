"""The messages of an answer: each is sent as a placeholder, recorded, and then filled by edits."""

import asyncio
import logging
from collections.abc import MutableMapping, Sequence
from dataclasses import replace

from telegram import InlineKeyboardMarkup
from telegram.error import BadRequest

from bot.telegram.outbox.bot_api import Calls, Upload
from bot.telegram.outbox.courier import Courier, Undeliverable
from bot.telegram.outbox.message_format import LIMIT, Piece, pieces, preview
from bot.telegram.turn_records import Records

_MOST_REFUSALS = 4
_GONE = ("message to edit not found", "can't be edited", "message_id_invalid", "no text in the message")
logger = logging.getLogger(__name__)


class TooLong(Exception):
    """Telegram measures a piece as longer than we do."""


class AnswerMessages:
    """The messages of one answer, in order."""

    def __init__(
        self,
        calls: Calls,
        courier: Courier,
        records: Records,
        unnoted: MutableMapping[int, list[int]],
        ids: list[int],
    ) -> None:
        """Take the ids of messages already sent; `unnoted` holds ids that could not be recorded yet."""
        self._calls = calls
        self._courier = courier
        self._records = records
        self._unnoted = unnoted
        self._chat = calls.place.chat_id
        self._ids = ids

    def __bool__(self) -> bool:
        return bool(self._ids)

    @property
    def first(self) -> int:
        """Return the id of the first message."""
        return self._ids[0]

    async def take_over(self, ids: Sequence[int]) -> None:
        """Reuse the messages of an earlier answer."""
        self._ids = list(ids)
        await self.note()

    async def note(self) -> None:
        """Record the ids of the messages."""
        update_id = self._calls.update_id
        self._unnoted[update_id] = list(self._ids)
        await self._records.note_messages(update_id, self._chat, self._ids)
        del self._unnoted[update_id]

    async def put(self, markdown: str, buttons: InlineKeyboardMarkup | None, upload: Upload | None) -> None:
        """Write an answer into its messages: send more if needed, and delete surplus ones."""
        for limit in (LIMIT, LIMIT // 2, LIMIT // 4):
            try:
                await self._put_pieces(await asyncio.to_thread(pieces, markdown, limit), buttons, upload)
            except TooLong:
                continue
            return
        raise Undeliverable("Telegram counts it as too long")

    async def _put_pieces(
        self, rich: Sequence[Piece], buttons: InlineKeyboardMarkup | None, upload: Upload | None
    ) -> None:
        for number, piece in enumerate(rich):
            await self._fill(number, piece, buttons if number == len(rich) - 1 else None)
        if upload is not None:
            await self._attach(len(rich), upload)
        count = len(rich) + (upload is not None)
        for message_id in self._ids[count:]:
            await self._remove(message_id)
        if len(self._ids) > count:
            self._ids = self._ids[:count]
            await self.note()

    async def _fill(self, number: int, piece: Piece, buttons: InlineKeyboardMarkup | None) -> None:
        """Write a piece into its message; replace a deleted message, and drop refused entities."""
        await self.ensure_message(number)
        for _ in range(_MOST_REFUSALS):
            refusal = await self.edit(number, piece, buttons)
            if not refusal:
                return
            logger.info("Telegram refused an edit: %s", refusal)
            if any(reason in refusal for reason in _GONE):
                await self.ensure_message(number, replace=True)
            elif "too long" in refusal or "too_long" in refusal:
                raise TooLong
            else:
                piece = Piece(piece.text, ())
        raise Undeliverable(f"Telegram refuses the text: {refusal}")

    async def edit(self, number: int, piece: Piece, buttons: InlineKeyboardMarkup | None) -> str:
        """Edit a message; return Telegram's reason if it refuses, else an empty string."""
        message_id = self._ids[number]
        try:
            await self._courier.deliver(self._chat, lambda: self._calls.edit(message_id, piece, buttons))
        except BadRequest as error:
            reason = error.message.lower()
            return "" if "not modified" in reason else reason
        return ""

    async def ensure_message(self, number: int, *, replace: bool = False) -> None:
        """Send and record a placeholder for a piece, unless it has a message."""
        if number < len(self._ids) and not replace:
            return
        try:
            message = await self._courier.deliver(self._chat, lambda: self._calls.ellipsis(number))
        except BadRequest as error:
            raise Undeliverable(error.message) from None
        self._ids[number : number + 1] = [message.message_id]
        await self.note()

    async def _attach(self, number: int, upload: Upload) -> None:
        """Put a file into its message: a refused photo as a document, then the text that says so."""
        for _ in range(_MOST_REFUSALS):
            await self.ensure_message(number)
            refusal = await self._refused_upload(number, upload)
            if not refusal:
                return
            logger.warning("Telegram refused the file %s: %s", upload.name, refusal)
            if any(reason in refusal for reason in _GONE):
                await self.ensure_message(number, replace=True)
            elif upload.photo:
                upload = replace(upload, photo=False)
            else:
                break
        await self.edit(number, preview(upload.refused), None)

    async def _refused_upload(self, number: int, upload: Upload) -> str:
        """Put a file into a message; return Telegram's reason if it refuses, else an empty string."""
        message_id = self._ids[number]
        try:
            await self._courier.deliver(self._chat, lambda: self._calls.attach(message_id, upload))
        except BadRequest as error:
            reason = error.message.lower()
            return "" if "not modified" in reason else reason
        return ""

    async def _remove(self, message_id: int) -> None:
        try:
            await self._courier.deliver(self._chat, lambda: self._calls.delete(message_id))
        except BadRequest as error:
            logger.info("A message was not deleted: %s", error.message)
