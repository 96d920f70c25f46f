"""The outbox: answers that are shown as drafts while they are written, and delivered exactly once.

Recorded messages of an answer are edited, others are sent. Each send is noted before and recorded after. If a
crash or a lost reply leaves open whether it took effect, the next attempt looks for the message first.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from telegram import Bot, InlineKeyboardMarkup
from telegram.error import BadRequest, Forbidden, InvalidToken, RetryAfter, TelegramError

from bot.telegram.outbox.courier import Calls, Courier, Undeliverable
from bot.telegram.outbox.message_format import (
    LIMIT,
    Content,
    FormattedText,
    Upload,
    fingerprint,
    pieces,
    preview,
)
from bot.telegram.outbox.sent_lookup import SentLookup
from bot.telegram.place import Place
from bot.telegram.turn_records import TurnRecord, TurnRecords
from memory.errors import GoatError

_GONE = ("message to edit not found", "can't be edited", "message_id_invalid", "no text in the message")
logger = logging.getLogger(__name__)


class TooLong(Exception):
    """Telegram measures a piece as longer than we do."""


@dataclass(frozen=True, slots=True)
class Outbox:
    bot: Bot
    courier: Courier
    records: TurnRecords
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
        self._chat = calls.place.chat_id
        self._sending = record.sending
        self._drafts = calls.place.private
        self.shown = list(record.shown)
        """Ids of its messages, in order."""
        self.sent = record.sent
        """True once it is delivered."""
        self.begun = bool(record.shown or record.sending or record.turn_id or record.sent)
        """True if an earlier attempt exists."""

    @property
    def has_drafts(self) -> bool:
        """Return True where Telegram shows drafts, unless the answer replaces messages."""
        return self._drafts and not self.shown

    async def take_over(self, shown: Sequence[int]) -> None:
        """Reuse the messages of an earlier answer."""
        if not self.shown and shown:
            self.shown = list(shown)
            await self._outbox.records.note_messages(self._calls.update_id, self._chat, self.shown)

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
        if self._calls.update_id in self._outbox.delayed:
            return
        self._outbox.delayed.add(self._calls.update_id)
        try:
            await self.put(markdown)
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
            await self.put(markdown, buttons, upload)
        except Undeliverable as error:
            logger.warning("An answer in chat %s cannot be delivered: %s", self._chat, error)
        await self._outbox.records.mark_sent(self._calls.update_id)
        self._outbox.delayed.discard(self._calls.update_id)
        self.sent = True

    async def put(
        self, markdown: str, buttons: InlineKeyboardMarkup | None = None, upload: Upload | None = None
    ) -> None:
        """Write the answer into its messages: send more if needed, and delete surplus ones."""
        for limit in (LIMIT, LIMIT // 2, LIMIT // 4):
            rich = await asyncio.to_thread(pieces, markdown, limit)
            contents: list[list[Content]] = [[piece, FormattedText(piece.text, ())] for piece in rich]
            if upload is not None:
                document = [replace(upload, photo=False)] if upload.photo else []
                contents.append([upload, *document, preview(upload.refused)])
            try:
                for number, choices in enumerate(contents):
                    await self._fill(number, choices, buttons if number == len(rich) - 1 else None)
            except TooLong:
                continue
            await self._drop(len(contents))
            return
        raise Undeliverable("Telegram counts it as too long")

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
            if number == len(self.shown) and (sent := await self._find(buttons)) is not None:
                await self._record(sent)
            if number == len(self.shown):
                attempt, find = partial(self._attempt, content, buttons), partial(self._find, buttons)
                await self._record(await self._outbox.courier.deliver(self._chat, attempt, find))
            else:
                edit = partial(self._calls.edit, self.shown[number], content, buttons)
                await self._outbox.courier.deliver(self._chat, edit)
        except BadRequest as error:
            reason = error.message.lower()
            return "" if "not modified" in reason else reason
        return ""

    async def _record(self, sent: int) -> None:
        """Record a message that was sent; delete it if another process has recorded one in its place."""
        calls = self._calls
        recorded = await self._outbox.records.note_sent(calls.update_id, calls.place, len(self.shown), sent)
        self.shown.append(recorded)
        self._sending = None
        if recorded != sent:
            await self._remove(sent)

    async def _attempt(self, content: Content, buttons: InlineKeyboardMarkup | None) -> int:
        update_id, shape = self._calls.update_id, fingerprint(content)
        self._sending = await self._outbox.records.note_sending(
            update_id, self._calls.place, self._calls.asked, shape
        )
        try:
            return await self._calls.send(content, buttons, first=not self.shown)
        except (BadRequest, Forbidden, RetryAfter):
            self._sending = None
            await self._outbox.records.drop_sending(update_id)
            raise

    async def _find(self, buttons: InlineKeyboardMarkup | None) -> int | None:
        """Return the id of the message that an earlier attempt sent; None if it sent none."""
        if self._sending is None:
            return None
        return await SentLookup(self._calls, self._outbox.courier, self._outbox.records).find(
            self._sending, buttons
        )

    async def _drop(self, number: int) -> None:
        """Delete the messages from this place on."""
        if number < len(self.shown):
            for message_id in self.shown[number:]:
                await self._remove(message_id)
            self.shown = self.shown[:number]
            await self._outbox.records.note_messages(self._calls.update_id, self._chat, self.shown)

    async def _remove(self, message_id: int) -> None:
        try:
            await self._outbox.courier.deliver(self._chat, lambda: self._calls.delete(message_id))
        except BadRequest as error:
            logger.info("A message was not deleted: %s", error.message)
