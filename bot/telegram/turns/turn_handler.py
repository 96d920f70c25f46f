"""A message becomes a turn, and the turn an answer."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from telegram import Message, Update

from bot.telegram.bot_context import BotContext, Say
from bot.telegram.gate.gate import Context
from bot.telegram.inbox.lanes import HOLDER
from bot.telegram.jobs.notifier import register
from bot.telegram.media.incoming import Attachment, Incoming, heard
from bot.telegram.media.labels import plain_name
from bot.telegram.media.media_reader import MediaRefused
from bot.telegram.outbox.courier import Undeliverable
from bot.telegram.outbox.outbox import Answer
from bot.telegram.place import place_of
from bot.telegram.turn_records import TurnRecord
from bot.telegram.turns.albums import Albums, together
from bot.telegram.turns.turn_presenter import TurnPresenter, act
from graph.state.circumstances import Circumstances
from memory.errors import MemoryTierError
from memory.models import EDIT_OF, Episode
from memory.provenance import Carrier, Part, Speaker, said
from memory.text.text import clean

EDITED = "edited"
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """A message as a turn takes it."""

    text: str
    """The sender's own words."""
    parts: Sequence[Part]
    private: bool
    earlier: TurnRecord | None = None
    """The turn whose message this is an edit of."""


@dataclass(frozen=True, slots=True)
class TurnHandler:
    """Answer messages, and answer anew what was edited."""

    desk: BotContext

    async def __call__(self, update: Update, _: Context) -> None:
        """Answer the update's message, with those of the same album; leave a private one no trace."""
        message = update.effective_message
        if not isinstance(message, Message):
            return
        messages = await Albums(self.desk).gathered(update, message)
        if not messages:
            return
        incoming = together([self.desk.read(one) for one in messages])
        if (claim := HOLDER.get()) is not None:
            claim.private = incoming.private
        if incoming.is_empty:
            incoming = replace(incoming, text=_bare_call(message, incoming))
        answer = await self.desk.answer(update, message)
        if answer.sent:
            return
        if not incoming.is_empty:
            await self._respond(update, messages, incoming, answer)
        elif message.text or message.caption:
            key = "private_usage" if incoming.private else "empty_message"
            await answer.finish(self.desk.say(update)(key))

    async def _respond(
        self, update: Update, messages: Sequence[Message], incoming: Incoming, answer: Answer
    ) -> None:
        say = self.desk.say(update)
        try:
            asked = await self._asked(update, messages[0], incoming, answer)
            if asked is not None:
                await self._turn(update, messages, asked, answer)
        except MediaRefused as error:
            logger.warning("A file was not read: %s", error)
            await answer.finish(refusal_text(error, self.desk.settings.telegram_file_limit, say))
        except MemoryTierError:
            await answer.meanwhile(say("memory_trouble"))
            raise

    async def _asked(
        self, update: Update, message: Message, incoming: Incoming, answer: Answer
    ) -> Asked | None:
        """Return what is asked; None for an edit that changes no word."""
        stands = await self._archived(update, message, answer)
        text, parts = (stands.message, stands.parts) if stands else await self._read(message, incoming)
        earlier = await self._earlier(update, message) if update.edited_message else None
        if earlier is not None and await self._is_unchanged(earlier, said(text, parts)):
            return None
        quotes = [await self._checked(message, quote) for quote in incoming.quotes]
        others = [part for part in parts if part.carrier is not Carrier.QUOTED]
        return Asked(text, [*quotes, *others], incoming.private, earlier)

    async def _archived(self, update: Update, message: Message, answer: Answer) -> Episode | None:
        """Return an update that was a turn before: its files are not read again."""
        if not answer.begun:
            return None
        turn_id = self.desk.turn_id(update.update_id)
        return await self._episode(turn_id, await self.desk.owner(place_of(message)))

    async def _read(self, message: Message, incoming: Incoming) -> tuple[str, Sequence[Part]]:
        """Return the sender's words, and what others say in files and forwards; in a group, who writes."""
        files = [await self._file(message, one, incoming.text) for one in incoming.attachments]
        return heard(incoming, files, "" if place_of(message).private else _speaker(message))

    async def _file(self, message: Message, attachment: Attachment, words: str) -> Part:
        await act(self.desk.bot, message)
        return await self.desk.media.read(attachment, fetcher(self.desk, message, attachment), words)

    async def _checked(self, message: Message, quote: Part) -> Part:
        """Take the bot's words, quoted, for a third party's, unless its turn is known to hold none."""
        replied = message.reply_to_message
        if quote.speaker is not Speaker.ASSISTANT or replied is None:
            return quote
        update_id = await self.desk.records.answered_by(message.chat.id, replied.message_id)
        turn = await self.desk.records.turn(update_id) if update_id is not None else TurnRecord()
        episode = await self._episode(turn.turn_id, turn.owner) if turn.turn_id else None
        if episode is not None and not episode.foreign:
            return quote
        return replace(quote, speaker=Speaker.THIRD_PARTY, source="an answer of yours")

    async def _episode(self, turn_id: str, owner: str) -> Episode | None:
        found = await self.desk.agent.layers.episodes.get([turn_id], owner=owner)
        return found[0] if found else None

    async def _earlier(self, update: Update, message: Message) -> TurnRecord | None:
        update_id = await self.desk.records.asked_by(message.chat.id, message.message_id)
        if update_id is None or update_id == update.update_id:
            return None
        return await self.desk.records.turn(update_id)

    async def _is_unchanged(self, earlier: TurnRecord, text: str) -> bool:
        if not earlier.turn_id:
            return False
        episode = await self._episode(earlier.turn_id, earlier.owner)
        return episode is not None and episode.said == clean(text)

    async def _turn(self, update: Update, messages: Sequence[Message], asked: Asked, answer: Answer) -> None:
        desk, message = self.desk, messages[0]
        if asked.earlier is not None:
            await answer.take_over(asked.earlier.shown)
        claim = HOLDER.get()
        thread = await desk.thread(place_of(message))
        if not asked.private:
            await register(desk, update, place_of(message), thread)
        events = desk.agent.stream(
            asked.text,
            owner=await desk.owner(place_of(message)),
            thread=thread,
            turn_id=desk.turn_id(update.update_id),
            about=_circumstances(message, asked),
            fresh=claim is not None and claim.first and not answer.begun,
        )
        turning = TurnPresenter(desk, update, message, answer)
        ended = await turning.shown(events)
        for one in messages:
            await desk.records.asked(one.chat.id, one.message_id, update.update_id)
        if not asked.private:
            await self._mark_earlier(asked.earlier)
        await turning.settle(ended, thread, private=asked.private)

    async def _mark_earlier(self, earlier: TurnRecord | None) -> None:
        if earlier is not None and earlier.turn_id:
            await self.desk.agent.layers.episodes.tag(earlier.turn_id, EDITED, owner=earlier.owner)


def _circumstances(message: Message, asked: Asked) -> Circumstances:
    earlier = asked.earlier
    tags = (f"{EDIT_OF}{earlier.turn_id}",) if earlier is not None and earlier.turn_id else ()
    at = message.edit_date or message.date
    return Circumstances(at=at, parts=asked.parts, tags=tags, private=asked.private)


def _bare_call(message: Message, incoming: Incoming) -> str:
    """Return the mention by which the bot is called to a message that is quoted, and nothing else said."""
    return clean(message.text or "").strip() if incoming.quotes and not incoming.private else ""


def _speaker(message: Message) -> str:
    """Return the name of who speaks in a group."""
    return plain_name(message.from_user.full_name if message.from_user else "") or "somebody"


def fetcher(desk: BotContext, message: Message, attachment: Attachment) -> Callable[[], Awaitable[bytes]]:
    """Return what downloads a file, again where that fails."""

    async def download() -> bytes:
        file = await desk.bot.get_file(attachment.file_id)
        return bytes(await file.download_as_bytearray())

    async def fetch() -> bytes:
        try:
            return await desk.courier.deliver(message.chat.id, download)
        except Undeliverable as error:
            raise MediaRefused("unavailable", str(error)) from None

    return fetch


def refusal_text(error: MediaRefused, megabytes: int, say: Say) -> str:
    """Say why a file was not read."""
    match error.code:
        case "too_large":
            return say("too_large", megabytes=megabytes)
        case "unsupported":
            return say("unsupported_media")
        case code:
            return say(code)
