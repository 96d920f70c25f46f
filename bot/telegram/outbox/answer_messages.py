"""The messages that show an answer: each takes its place first, is noted, and is then filled by edits."""

import asyncio
import logging
from collections.abc import MutableMapping, Sequence

from telegram import InlineKeyboardMarkup
from telegram.error import BadRequest

from bot.telegram.outbox.bot_api import Calls, Upload
from bot.telegram.outbox.courier import Courier, Undeliverable
from bot.telegram.outbox.message_format import LIMIT, Piece, pieces
from bot.telegram.turn_records import Records

_MOST_REFUSALS = 4
_GONE = ("message to edit not found", "can't be edited", "message_id_invalid", "no text in the message")
logger = logging.getLogger(__name__)


class TooLong(Exception):
    """Telegram counts a piece of the answer as longer than we do."""


class Shown:
    """The messages of one answer, in their order."""

    def __init__(
        self,
        calls: Calls,
        courier: Courier,
        records: Records,
        unnoted: MutableMapping[int, list[int]],
        ids: list[int],
    ) -> None:
        """Take what stands in the chat, and where to keep what cannot be noted."""
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
        """Use the messages of an earlier answer."""
        self._ids = list(ids)
        await self.note()

    async def note(self) -> None:
        """Note which messages there are."""
        update_id = self._calls.update_id
        self._unnoted[update_id] = list(self._ids)
        await self._records.show(update_id, self._chat, self._ids)
        del self._unnoted[update_id]

    async def put(self, markdown: str, buttons: InlineKeyboardMarkup | None, upload: Upload | None) -> None:
        """Put an answer into its messages, have as many as it needs, and delete the others."""
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
        """Put a piece into its message: anew where that is gone, without its marks where they are refused."""
        await self.place_for(number)
        for _ in range(_MOST_REFUSALS):
            refusal = await self.refusal(number, piece, buttons)
            if not refusal:
                return
            logger.info("Telegram refused an edit: %s", refusal)
            if any(reason in refusal for reason in _GONE):
                await self.place_for(number, anew=True)
            elif "too long" in refusal or "too_long" in refusal:
                raise TooLong
            else:
                piece = Piece(piece.text, ())
        raise Undeliverable(f"Telegram refuses the text: {refusal}")

    async def refusal(self, number: int, piece: Piece, buttons: InlineKeyboardMarkup | None) -> str:
        """Put a piece into its message; return why Telegram refuses it, empty when it stands there."""
        message_id = self._ids[number]
        try:
            await self._courier.deliver(self._chat, lambda: self._calls.edit(message_id, piece, buttons))
        except BadRequest as error:
            reason = error.message.lower()
            return "" if "not modified" in reason else reason
        return ""

    async def place_for(self, number: int, *, anew: bool = False) -> None:
        """Have a message of the bot in the chat for a piece of the answer, and its id noted."""
        if number < len(self._ids) and not anew:
            return
        try:
            message = await self._courier.deliver(self._chat, lambda: self._calls.ellipsis(number))
        except BadRequest as error:
            raise Undeliverable(error.message) from None
        self._ids[number : number + 1] = [message.message_id]
        await self.note()

    async def _attach(self, number: int, upload: Upload) -> None:
        """Put a file into its message."""
        for _ in range(_MOST_REFUSALS):
            await self.place_for(number)
            message_id = self._ids[number]
            try:
                await self._courier.deliver(self._chat, lambda: self._calls.attach(message_id, upload))  # noqa: B023
            except BadRequest as error:
                if "not modified" in error.message.lower():
                    return
                logger.info("Telegram refused a file: %s", error.message)
                await self.place_for(number, anew=True)
            else:
                return
        await self._remove(self._ids.pop(number))
        raise Undeliverable("Telegram refuses the file")

    async def _remove(self, message_id: int) -> None:
        try:
            await self._courier.deliver(self._chat, lambda: self._calls.delete(message_id))
        except BadRequest as error:
            logger.info("A message was not deleted: %s", error.message)
