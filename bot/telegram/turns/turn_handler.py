"""Handler that runs a turn for a message and answers it."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from telegram import Message, Update
from telegram.error import TelegramError

from bot.media.attachment import Attachment
from bot.media.media_reader import MediaRefused
from bot.telegram.bot_context import BotContext, Say
from bot.telegram.gate.gate import HandlerContext
from bot.telegram.inbox.lanes import HOLDER
from bot.telegram.jobs.notifier import register
from bot.telegram.media.incoming import Incoming, words_and_parts
from bot.telegram.media.labels import plain_name
from bot.telegram.outbox.courier import Undeliverable
from bot.telegram.outbox.outbox import Answer
from bot.telegram.place import place_of
from bot.telegram.turn_records import TurnRecord
from bot.telegram.turns.bursts import Bursts, dump_messages, merge_messages, with_edit
from bot.telegram.turns.turn_presenter import TurnPresenter, act
from graph.state.circumstances import Circumstances
from memory.errors import MemoryTierError
from memory.models import EDIT_OF, Episode
from memory.provenance import Carrier, Part, Speaker, said
from memory.text.text import clean

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """The input of a turn."""

    text: str
    """The sender's own words."""
    parts: Sequence[Part]
    private: bool
    earlier: TurnRecord | None = None
    """The turn that it replaces: that of the message before it was edited, or the one to run again."""


@dataclass(frozen=True, slots=True)
class TurnHandler:
    """Answers new and edited messages."""

    context: BotContext

    async def __call__(self, update: Update, _: HandlerContext) -> None:
        """Answer the message and what belongs to it; a private message leaves no trace."""
        message = update.effective_message
        if not isinstance(message, Message):
            return
        messages = await self._messages(update, message)
        incoming = merge_messages([self.context.read(one) for one in messages])
        if (claim := HOLDER.get()) is not None:
            claim.private = incoming.private
        if incoming.is_empty:
            incoming = replace(incoming, text=_bare_mention(message, incoming))
        answer = await self.context.answer(update, message)
        if answer.sent:
            return
        if not incoming.is_empty:
            await self._respond(update, messages, incoming, answer)
        elif message.text or message.caption:
            key = "private_usage" if incoming.private else "empty_message"
            await answer.finish(self.context.say(update)(key))

    async def _messages(self, update: Update, message: Message) -> list[Message]:
        """Return the messages to answer together; for an edit, those of the turn that it replaces."""
        if update.edited_message is None:
            return await Bursts(self.context).gather(update, message)
        records = self.context.records
        update_id = await records.update_of_question(message.chat.id, message.message_id)
        burst = (await records.turn(update_id)).burst if update_id is not None else ""
        return with_edit(burst, message, self.context) if burst else [message]

    async def _respond(
        self, update: Update, messages: Sequence[Message], incoming: Incoming, answer: Answer
    ) -> None:
        say = self.context.say(update)
        try:
            request = await self._request(update, messages, incoming, answer)
            if request is not None:
                await self.run(update, messages, request, answer)
        except MediaRefused as error:
            logger.warning("A file was not read: %s", error)
            await answer.finish(refusal_text(error, self.context.settings.telegram_file_limit, say))
        except MemoryTierError:
            await answer.announce_delay(say("memory_trouble"))
            raise

    async def _request(
        self, update: Update, messages: Sequence[Message], incoming: Incoming, answer: Answer
    ) -> TurnRequest | None:
        """Return the turn's input; None if an edit changed no words."""
        message = messages[0]
        archived = await self._archived_turn(update, message, answer)
        text, parts = (archived.message, archived.parts) if archived else await self._read(message, incoming)
        earlier = await self._edited_turn(update)
        if earlier is not None and await self._is_unchanged(earlier, said(text, parts)):
            return None
        quotes = await self._quotes(messages)
        others = [part for part in parts if part.carrier is not Carrier.QUOTED]
        return TurnRequest(text, [*quotes, *others], incoming.private, earlier)

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
        return await self.context.records.latest_turn(update_id)

    async def _is_unchanged(self, earlier: TurnRecord, text: str) -> bool:
        if not earlier.turn_id:
            return False
        episode = await self.context.episode(earlier.turn_id, earlier.owner)
        return episode is not None and episode.said == clean(text)

    async def run(
        self, update: Update, messages: Sequence[Message], request: TurnRequest, answer: Answer
    ) -> None:
        """Run a turn and answer with its outcome; the earlier version of an edited message is superseded."""
        context, message = self.context, messages[0]
        if request.earlier is not None:
            await answer.take_over(request.earlier.shown)
        claim = HOLDER.get()
        thread = await context.thread(place_of(message))
        if not request.private:
            await self._supersede(request.earlier)
            await register(context, update, place_of(message), thread)
        events = context.agent.stream(
            request.text,
            owner=await context.owner(place_of(message)),
            thread=thread,
            turn_id=context.turn_id(update.update_id),
            about=_circumstances(messages, request),
            fresh=claim is not None and claim.first and not answer.begun,
        )
        presenter = TurnPresenter(context, update, message, answer)
        ended = await presenter.present(events, context.turn_id(update.update_id))
        await self._note_questions(update, messages, request)
        await presenter.finish(ended, thread, private=request.private)

    async def _note_questions(
        self, update: Update, messages: Sequence[Message], request: TurnRequest
    ) -> None:
        """Record which turn answers the messages; of a private turn, none of their words."""
        context, update_id = self.context, update.update_id
        for one in messages:
            await context.records.note_question(one.chat.id, one.message_id, update_id)
        if len(messages) > 1 and not request.private:
            owner = await context.owner(place_of(messages[0]))
            await context.records.note_burst(
                update_id, dump_messages(messages), turn_id=context.turn_id(update_id), owner=owner
            )

    async def _supersede(self, earlier: TurnRecord | None) -> None:
        if earlier is not None and earlier.turn_id:
            await self.context.agent.supersede(earlier.turn_id, owner=earlier.owner)


def _circumstances(messages: Sequence[Message], request: TurnRequest) -> Circumstances:
    earlier = request.earlier
    tags = (f"{EDIT_OF}{earlier.turn_id}",) if earlier is not None and earlier.turn_id else ()
    at = max(one.edit_date or one.date for one in messages)
    return Circumstances(at=at, parts=request.parts, tags=tags, private=request.private)


def _bare_mention(message: Message, incoming: Incoming) -> str:
    """Return the text of a message that only mentions the bot in reply to a message; else an empty string."""
    return clean(message.text or "").strip() if incoming.quotes and not incoming.private else ""


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


def refusal_text(error: MediaRefused, megabytes: int, say: Say) -> str:
    """Return the text for a file that was not read."""
    match error.code:
        case "too_large":
            return say("too_large", megabytes=megabytes)
        case "unsupported":
            return say("unsupported_media")
        case code:
            return say(code)
