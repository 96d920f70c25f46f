"""Input of a turn, read from the messages of a person."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from telegram import Message, Update
from telegram.error import TelegramError

from bot.media.attachment import Attachment
from bot.media.media_reader import MediaRefused
from bot.telegram.bot_context import BotContext
from bot.telegram.media.incoming import Incoming, plain_name, words_and_parts
from bot.telegram.outbox.courier import Undeliverable
from bot.telegram.outbox.outbox import Answer
from bot.telegram.place import place_of
from bot.telegram.turn_records import TurnRecord
from bot.telegram.turns.bursts import Bursts, with_edit
from bot.telegram.turns.corrections import Corrections, corrected
from bot.telegram.turns.turn_presenter import act
from memory.models import Episode
from memory.provenance import Carrier, Part, Speaker, said
from memory.text.text import clean


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """The input of a turn."""

    text: str
    """The sender's own words."""
    parts: Sequence[Part]
    private: bool
    earlier: TurnRecord | None = None
    """The turn that it replaces: that of the message before it was edited, or the one to run again."""
    said_now: str | None = None
    """The part of the text that was not said before: a correction, or nothing of a turn that runs again; all
    of it if None."""


@dataclass(frozen=True, slots=True)
class RequestReader:
    """Reads what a turn is about: words, files, quotations, and the turn that it replaces."""

    context: BotContext

    async def messages(self, update: Update, message: Message) -> list[Message]:
        """Return the messages to answer together; for an edit, those of the turn that it replaces."""
        if update.edited_message is None:
            return await Bursts(self.context).gather(update, message)
        records = self.context.records
        update_id = await records.update_of_question(message.chat.id, message.message_id)
        burst = (await records.turn(update_id)).burst if update_id is not None else ""
        return with_edit(burst, message, self.context) if burst else [message]

    async def read(
        self, update: Update, messages: Sequence[Message], incoming: Incoming, answer: Answer
    ) -> TurnRequest | None:
        """Return the turn's input; None if an edit changed no words."""
        message = messages[0]
        archived = await self._archived_turn(update, message, answer)
        text, parts = (archived.message, archived.parts) if archived else await self._read(message, incoming)
        earlier, said_now = await self._edited_turn(update), None
        wrong = await self._corrected_turn(update, messages[-1], text, incoming)
        if wrong is not None:
            earlier = earlier or TurnRecord(turn_id=wrong.turn_id, owner=wrong.owner)
            said_now = incoming.text if archived else text
            if archived is None:
                kept = [part for part in wrong.parts if part.carrier is not Carrier.NAME]
                text, parts = corrected(wrong, text), [*kept, *parts]
        if earlier is not None and await self._is_unchanged(earlier, said(text, parts)):
            return None
        quotes = [] if wrong else await self._quotes(messages)  # a correction quotes the bot's question
        others = [part for part in parts if part.carrier is not Carrier.QUOTED]
        return TurnRequest(text, [*quotes, *others], incoming.private, earlier, said_now)

    async def _archived_turn(self, update: Update, message: Message, answer: Answer) -> Episode | None:
        """Return the episode of an earlier attempt, so that its files are not read again."""
        if not answer.begun:
            return None
        turn_id = self.context.turn_id(update.update_id)
        return await self.context.episode(turn_id, await self.context.owner(place_of(message)))

    async def _read(self, message: Message, incoming: Incoming) -> tuple[str, Sequence[Part]]:
        """Return the sender's words and the other parts; in a group, with the sender's name."""
        files = [await self._file(message, one, incoming.text) for one in incoming.attachments]
        return words_and_parts(incoming, files, "" if place_of(message).private else _speaker(message))

    async def _file(self, message: Message, attachment: Attachment, words: str) -> Part:
        await act(self.context.bot, message)
        return await self.context.media.read(attachment, fetcher(self.context, message, attachment), words)

    async def _corrected_turn(
        self, update: Update, message: Message, text: str, incoming: Incoming
    ) -> Episode | None:
        """Return the wrong turn that the sender's own words correct."""
        if incoming.private or not text.strip():
            return None
        if update.edited_message is not None:
            return await Corrections(self.context).of_edit(update, update.edited_message)
        return await Corrections(self.context).of_message(update, message)

    async def _quotes(self, messages: Sequence[Message]) -> Sequence[Part]:
        """Return what the messages reply to, each once."""
        quoted = [(one, quote) for one in messages for quote in self.context.read(one).quotes]
        return list(dict.fromkeys([await self._check_quote(one, quote) for one, quote in quoted]))

    async def _check_quote(self, message: Message, quote: Part) -> Part:
        """Treat a quoted answer as a third party's, unless its turn holds nothing foreign."""
        replied = message.reply_to_message
        if quote.speaker is not Speaker.ASSISTANT or replied is None:
            return quote
        update_id = await self.context.records.update_of_answer(message.chat.id, replied.message_id)
        turn = await self.context.records.turn(update_id) if update_id is not None else TurnRecord()
        episode = await self.context.episode(turn.turn_id, turn.owner) if turn.turn_id else None
        if episode is not None and not episode.foreign:
            return quote
        return replace(quote, speaker=Speaker.THIRD_PARTY, source="an answer of yours")

    async def _edited_turn(self, update: Update) -> TurnRecord | None:
        message = update.edited_message
        if message is None:
            return None
        update_id = await self.context.records.update_of_question(message.chat.id, message.message_id)
        if update_id is None or update_id == update.update_id:
            return None
        return await self.context.records.latest_turn(update_id, before=update.update_id)

    async def _is_unchanged(self, earlier: TurnRecord, text: str) -> bool:
        if not earlier.turn_id:
            return False
        episode = await self.context.episode(earlier.turn_id, earlier.owner)
        return episode is not None and episode.said == clean(text)


def _speaker(message: Message) -> str:
    """Return the sender's name."""
    return plain_name(message.from_user.full_name if message.from_user else "") or "somebody"


def fetcher(context: BotContext, message: Message, attachment: Attachment) -> Callable[[], Awaitable[bytes]]:
    """Return a function that downloads a file, with retries."""

    async def download() -> bytes:
        file = await context.bot.get_file(attachment.file_id)
        return bytes(await file.download_as_bytearray())

    async def fetch() -> bytes:
        try:
            return await context.courier.deliver(message.chat.id, download)
        except (TelegramError, Undeliverable) as error:
            raise undelivered(error) from None

    return fetch


def undelivered(error: Exception) -> MediaRefused:
    """Return the error of a file that Telegram did not deliver."""
    code = "too_large" if "too big" in str(error).lower() else "unavailable"
    return MediaRefused(code, f"Telegram did not deliver a file: {error}")
