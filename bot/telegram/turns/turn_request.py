"""Input of a turn, read from the messages of a person; a correction replaces the wrong turn.

* `correction:LANE:USER`   the wrong turn that waits for a person's correction
* `correction-by:UPDATE`   exists once a button press has asked for one, so that it does so once
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from telegram import Message, Update
from telegram.error import TelegramError

from bot.media.attachment import Attachment
from bot.media.media_reader import MediaRefused
from bot.telegram.bot_context import BotContext
from bot.telegram.media.incoming import Incoming, plain_name, words_and_parts
from bot.telegram.outbox.courier import Undeliverable
from bot.telegram.outbox.outbox import Answer
from bot.telegram.place import Place, place_of
from bot.telegram.turn_records import TurnRecord
from bot.telegram.turns.turn_presenter import act
from memory.models import Episode
from memory.provenance import Carrier, Part, Speaker, said
from memory.text.text import clean
from memory.working.redis_connection import run_script, translate_errors

_CORRECTION_SECONDS = 60 * 60
_EXPECT = """
if redis.call('SET', KEYS[2], 1, 'NX', 'EX', ARGV[2]) then
  redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
end
return 1
"""
"""KEYS: the wrong turn, the press. ARGV: the turn, seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongTurn:
    """A turn that waits for its correction."""

    update_id: int
    turn_id: str
    owner: str
    after: int
    """Id of the message that asks for it: earlier messages are no correction."""


@dataclass(frozen=True, slots=True)
class Corrections:
    """Expects corrections, and finds what a message corrects."""

    context: BotContext

    async def expect(self, place: Place, user_id: int, wrong: WrongTurn, press: int) -> None:
        """Take the person's next message as the correction; once for each press (an update's id)."""
        names = [self._key(place, user_id), self.context.keys("correction-by", press)]
        value = json.dumps(asdict(wrong))
        await run_script(self.context.lanes.client, _EXPECT, names, value, _CORRECTION_SECONDS)

    @translate_errors()
    async def drop(self, place: Place, user_id: int) -> bool:
        """Stop expecting a correction; return False if none was expected."""
        return bool(await (await self.context.lanes.client()).delete(self._key(place, user_id)))

    @translate_errors()
    async def follow(self, place: Place, user_id: int, turn_id: str, *, update_id: int, later: str) -> None:
        """Let the expected correction of a turn apply to `later`, the turn that replaces it."""
        wrong = await self._expected(place, user_id)
        if wrong is not None and wrong.turn_id == turn_id:
            value = json.dumps(asdict(replace(wrong, update_id=update_id, turn_id=later)))
            await (await self.context.lanes.client()).set(
                self._key(place, user_id), value, xx=True, keepttl=True
            )

    async def of(self, update: Update, message: Message) -> Episode | None:
        """Return the wrong turn that a message corrects, the same at each attempt; None for none."""
        if update.edited_message is not None:
            return await self._of_edit(update, update.edited_message)
        user, place = update.effective_user, place_of(message)
        if user is None:
            return None
        owner, record = await self.context.owner(place), await self.context.records.turn(update.update_id)
        turn_id = record.corrects
        if not turn_id:
            wrong = await self._expected(place, user.id)
            if wrong is None or wrong.owner != owner or message.message_id <= wrong.after:
                return None
            turn_id = wrong.turn_id
            await self.context.records.note_correction(update.update_id, turn_id, of=wrong.update_id)
        await self.drop(place, user.id)
        return await self.context.episode(turn_id, owner)

    async def _of_edit(self, update: Update, message: Message) -> Episode | None:
        records = self.context.records
        update_id = await records.update_of_question(message.chat.id, message.message_id)
        record = await records.turn(update_id)
        if update_id is None or not record.corrects:
            return None
        if update_id != update.update_id:
            await records.note_correction(update.update_id, record.corrects, of=update_id)
        return await self.context.episode(record.corrects, await self.context.owner(place_of(message)))

    @translate_errors()
    async def _expected(self, place: Place, user_id: int) -> WrongTurn | None:
        found = await (await self.context.lanes.client()).get(self._key(place, user_id))
        return None if found is None else WrongTurn(**json.loads(found))

    def _key(self, place: Place, user_id: int) -> str:
        return self.context.keys("correction", place.lane, user_id)


@dataclass(frozen=True, slots=True)
class TurnRequest:
    text: str
    """The sender's own words."""
    parts: Sequence[Part]
    private: bool
    earlier: TurnRecord | None = None
    """The turn that it replaces: that of the message before it was edited, or the one to run again."""
    said_now: str | None = None
    """The part of the text that is new: a correction, "" in a retry, None for all of it."""


@dataclass(frozen=True, slots=True)
class RequestReader:
    """Reads a turn's input: words, files, quotations, and the turn that it replaces."""

    context: BotContext

    async def read(
        self, update: Update, messages: Sequence[Message], incoming: Incoming, answer: Answer
    ) -> TurnRequest | None:
        """Return the turn's input; None if an edit changed no words."""
        message = messages[0]
        archived = None
        if answer.begun:  # the files of an earlier attempt are not read again
            owner = await self.context.owner(place_of(message))
            archived = await self.context.episode(self.context.turn_id(update.update_id), owner)
        text, parts = (archived.message, archived.parts) if archived else await self._read(message, incoming)
        earlier, said_now, edited = None, None, update.edited_message
        if edited is not None:
            asked_by = await self.context.records.update_of_question(edited.chat.id, edited.message_id)
            if asked_by not in {None, update.update_id}:
                earlier = await self.context.records.latest_turn(asked_by, before=update.update_id)
        wrong = None
        if text.strip() and not incoming.private:  # only the sender's own words are a correction
            wrong = await Corrections(self.context).of(update, messages[-1])
        if wrong is not None:
            earlier = earlier or TurnRecord(turn_id=wrong.turn_id, owner=wrong.owner)
            said_now = incoming.text if archived else text
            if archived is None:
                kept = [part for part in wrong.parts if part.carrier is not Carrier.NAME]
                text = "\n\n".join(filter(None, (wrong.message, text)))
                parts = [*kept, *parts]
        if earlier is not None and await self._is_unchanged(earlier, said(text, parts)):
            return None
        quotes = [] if wrong else await self._quotes(messages)  # a correction quotes the bot's question
        others = [part for part in parts if part.carrier is not Carrier.QUOTED]
        return TurnRequest(text, [*quotes, *others], incoming.private, earlier, said_now)

    async def _read(self, message: Message, incoming: Incoming) -> tuple[str, Sequence[Part]]:
        """Return the sender's words and the other parts; in a group, with the sender's name."""
        files = [await self._file(message, one, incoming.text) for one in incoming.attachments]
        name = plain_name(message.from_user.full_name if message.from_user else "") or "somebody"
        return words_and_parts(incoming, files, "" if place_of(message).private else name)

    async def _file(self, message: Message, attachment: Attachment, words: str) -> Part:
        """Read a file, which is downloaded with retries."""
        context = self.context
        await act(context.bot, message)

        async def download() -> bytes:
            file = await context.bot.get_file(attachment.file_id)
            return bytes(await file.download_as_bytearray())

        async def fetch() -> bytes:
            try:
                return await context.courier.deliver(message.chat.id, download)
            except (TelegramError, Undeliverable) as error:
                raise undelivered(error) from None

        return await context.media.read(attachment, fetch, words)

    async def _quotes(self, messages: Sequence[Message]) -> Sequence[Part]:
        """Return what the messages reply to, each once."""
        quoted = [(one, quote) for one in messages for quote in self.context.read(one).quotes]
        return list(dict.fromkeys([await self._check_quote(one, quote) for one, quote in quoted]))

    async def _check_quote(self, message: Message, quote: Part) -> Part:
        """Treat a quoted answer as a third party's if its turn has others' texts, or is unknown."""
        replied = message.reply_to_message
        if quote.speaker is not Speaker.ASSISTANT or replied is None:
            return quote
        update_id = await self.context.records.update_of_answer(message.chat.id, replied.message_id)
        turn = await self.context.records.turn(update_id)
        episode = await self.context.episode(turn.turn_id, turn.owner) if turn.turn_id else None
        if episode is not None and not episode.foreign:
            return quote
        return replace(quote, speaker=Speaker.THIRD_PARTY, source="an answer of yours")

    async def _is_unchanged(self, earlier: TurnRecord, text: str) -> bool:
        if not earlier.turn_id:
            return False
        episode = await self.context.episode(earlier.turn_id, earlier.owner)
        return episode is not None and episode.said == clean(text)


def undelivered(error: Exception) -> MediaRefused:
    """Return the error of a file that Telegram did not deliver."""
    code = "too_large" if "too big" in str(error).lower() else "unavailable"
    return MediaRefused(code, f"Telegram did not deliver a file: {error}")
