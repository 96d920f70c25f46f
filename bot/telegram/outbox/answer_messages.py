"""The messages of an answer: those that are recorded are edited, the others are sent once.

Each send is noted before and recorded after. If a crash or a lost reply leaves open whether it took effect,
the next attempt looks for the message first.

The Bot API cannot read a chat, but an edit of the buttons under a message returns it, and is refused in
different words for a missing message, for somebody else's, and for one that already has these buttons.
"""

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Message
from telegram.error import BadRequest, Forbidden, RetryAfter

from bot.telegram.outbox.bot_api import Calls, Content, Upload
from bot.telegram.outbox.courier import Courier, Undeliverable
from bot.telegram.outbox.message_format import LIMIT, Piece, pieces, preview
from bot.telegram.turn_records import Records, Sending, TurnRecord

GAP, SUPERGROUP_GAP = 20, 5
"""Missing ids in a row that end the search; ids that chats share are missing in all chats but one."""
_FOREIGN = "can't be edited"
_MARK = InlineKeyboardMarkup([[InlineKeyboardButton("·", callback_data="·")]])

_GONE = ("message to edit not found", "can't be edited", "message_id_invalid", "no text in the message")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SentLookup:
    """Looks for a message of one answer."""

    calls: Calls
    courier: Courier
    records: Records

    async def find(self, sending: Sending, buttons: InlineKeyboardMarkup | None) -> int | None:
        """Return the id of the unrecorded message, which then has these buttons; None if there is none."""
        message_id, missing = sending.after, 0
        while missing < (SUPERGROUP_GAP if self.calls.place.has_own_ids else GAP):
            message_id += 1
            found: Message | str = _FOREIGN
            before = None
            if await self.records.update_of_answer(self.calls.place.chat_id, message_id) is None:
                found, before = await self._read(message_id, buttons)
            exists = isinstance(found, Message) or _FOREIGN in found
            missing = 0 if exists else missing + 1  # also where the chat refuses every edit
            if isinstance(found, Message):
                same = fingerprint(found) == sending.content
                await self._set(message_id, buttons if same else before)
                if same:
                    return message_id
        return None

    async def _read(
        self, message_id: int, buttons: InlineKeyboardMarkup | None
    ) -> tuple[Message | str, InlineKeyboardMarkup | None]:
        """Return a message of the bot, or why there is none, and the buttons to put back if it is another.

        It is marked for a moment. The first try has the buttons of the message that is looked for, which
        tells whether it has them, and leaves them there.
        """
        before = None
        for tried in cycle((buttons, _MARK)):
            outcome = await self._set(message_id, tried)
            if isinstance(outcome, Message) or "not modified" not in outcome:
                return outcome, before
            before = tried if tried is not _MARK else before
        raise AssertionError("cycle() does not end")

    async def _set(self, message_id: int, buttons: InlineKeyboardMarkup | None) -> Message | str:
        """Set the buttons under a message; return it, or Telegram's reason for a refusal."""
        call = partial(self.calls.set_buttons, message_id, buttons)
        try:
            return await self.courier.deliver(self.calls.place.chat_id, call)
        except BadRequest as error:
            return error.message.lower()


def fingerprint(content: Content | Message) -> str:
    """Identify the content of a message, from which Telegram may have taken spaces and signs."""
    if isinstance(content, Upload):
        return "photo" if content.photo else content.name
    if isinstance(content, Message) and not content.text:
        return "photo" if content.photo else (content.document and content.document.file_name) or ""
    letters = "".join(filter(str.isalnum, content.text or ""))
    return hashlib.sha256(letters.encode("utf-8", "replace")).hexdigest()[:16]


class TooLong(Exception):
    """Telegram measures a piece as longer than we do."""


class AnswerMessages:
    """The messages of one answer, in order."""

    def __init__(self, calls: Calls, courier: Courier, records: Records, record: TurnRecord) -> None:
        self._calls = calls
        self._courier = courier
        self._records = records
        self._chat = calls.place.chat_id
        self._ids = list(record.shown)
        self._sending = record.sending

    def __bool__(self) -> bool:
        return bool(self._ids)

    async def take_over(self, ids: Sequence[int]) -> None:
        """Reuse the messages of an earlier answer."""
        self._ids = list(ids)
        await self._records.note_messages(self._calls.update_id, self._chat, self._ids)

    async def put(
        self, markdown: str, buttons: InlineKeyboardMarkup | None = None, upload: Upload | None = None
    ) -> None:
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
            last = number == len(rich) - 1
            await self._fill(number, [piece, Piece(piece.text, ())], buttons if last else None)
        if upload is not None:
            document = [replace(upload, photo=False)] if upload.photo else []
            await self._fill(len(rich), [upload, *document, preview(upload.refused)], None)
        await self._drop(len(rich) + (upload is not None))

    async def _fill(
        self, number: int, contents: Sequence[Content], buttons: InlineKeyboardMarkup | None
    ) -> None:
        """Write the first content that Telegram takes; a message that is gone is sent anew."""
        refusal = ""
        for content in contents:
            refusal = await self._write(number, content, buttons)
            if any(reason in refusal for reason in _GONE):
                await self._drop(number)
                refusal = await self._write(number, content, buttons)
            if not refusal:
                return
            logger.warning("Telegram refused a message: %s", refusal)
            if "too long" in refusal or "too_long" in refusal:
                raise TooLong
        raise Undeliverable(f"Telegram refuses the text: {refusal}")

    async def _write(self, number: int, content: Content, buttons: InlineKeyboardMarkup | None) -> str:
        """Edit or send a message; return Telegram's reason if it refuses, else an empty string."""
        try:
            if number == len(self._ids) and (sent := await self._find(buttons)) is not None:
                await self._record(sent)
            if number == len(self._ids):
                attempt, find = partial(self._attempt, content, buttons), partial(self._find, buttons)
                await self._record(await self._courier.deliver(self._chat, attempt, find))
            else:
                edit = partial(self._calls.edit, self._ids[number], content, buttons)
                await self._courier.deliver(self._chat, edit)
        except BadRequest as error:
            reason = error.message.lower()
            return "" if "not modified" in reason else reason
        return ""

    async def _record(self, sent: int) -> None:
        """Record a message that was sent; of two processes that sent it, one deletes its own."""
        calls = self._calls
        recorded = await self._records.note_sent(calls.update_id, calls.place, len(self._ids), sent)
        self._ids.append(recorded)
        self._sending = None
        if recorded != sent:
            await self._remove(sent)

    async def _attempt(self, content: Content, buttons: InlineKeyboardMarkup | None) -> int:
        update_id, shape = self._calls.update_id, fingerprint(content)
        self._sending = await self._records.note_sending(
            update_id, self._calls.place, self._calls.asked, shape
        )
        try:
            return await self._calls.send(content, buttons, first=not self._ids)
        except (BadRequest, Forbidden, RetryAfter):
            self._sending = None
            await self._records.drop_sending(update_id)
            raise

    async def _find(self, buttons: InlineKeyboardMarkup | None) -> int | None:
        """Return the id of the message that an earlier attempt sent; None if it sent none."""
        if self._sending is None:
            return None
        return await SentLookup(self._calls, self._courier, self._records).find(self._sending, buttons)

    async def _drop(self, number: int) -> None:
        """Delete the messages from this place on."""
        if number < len(self._ids):
            for message_id in self._ids[number:]:
                await self._remove(message_id)
            self._ids = self._ids[:number]
            await self._records.note_messages(self._calls.update_id, self._chat, self._ids)

    async def _remove(self, message_id: int) -> None:
        try:
            await self._courier.deliver(self._chat, lambda: self._calls.delete(message_id))
        except BadRequest as error:
            logger.info("A message was not deleted: %s", error.message)
