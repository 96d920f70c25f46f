"""A message becomes a turn, and the turn an answer."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from telegram import Bot, Message, Update
from telegram.constants import ChatAction
from telegram.error import TelegramError

from bot.telegram.answer import Answer
from bot.telegram.courier import HOLDER
from bot.telegram.desk import Desk, Say
from bot.telegram.gate import Context
from bot.telegram.incoming import Attachment, Incoming
from bot.telegram.media import MediaRefused
from bot.telegram.place import Place, place_of
from bot.telegram.records import TurnRecord
from graph.events import Event, Finished, Piece
from graph.state import State
from graph.turn import Circumstances
from memory.errors import MemoryTierError
from memory.models import Outcome
from memory.text import clean

PRIVATE_MARK = "!"
EDITED = "edited"
_NAME_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Asked:
    """A message as a turn takes it."""

    text: str
    quote: str
    private: bool
    earlier: TurnRecord | None = None
    """The turn whose message this is an edit of."""


@dataclass(frozen=True, slots=True)
class Converse:
    """Answer messages, and answer anew what was edited."""

    desk: Desk

    async def __call__(self, update: Update, _: Context) -> None:
        """Answer the update's message."""
        message = update.effective_message
        if not isinstance(message, Message):
            return
        await self.respond(update, message, self.desk.read(message), private=False)

    async def respond(self, update: Update, message: Message, incoming: Incoming, *, private: bool) -> None:
        """Answer a message; leave a private one no trace."""
        answer = await self.desk.answer(update, message)
        if answer.sent:
            return
        try:
            text = await self._read(message, incoming)
        except MediaRefused as error:
            limit = self.desk.settings.telegram_file_limit
            values = {"megabytes": limit} if error.code == "too_large" else {}
            await answer.finish(self.desk.say(update)(_refusal(error.code), **values))
            return
        asked = await self._asked(update, message, Incoming(text, incoming.quote, ()), private=private)
        if asked is not None:
            await self._turn(update, message, asked, answer)

    async def _read(self, message: Message, incoming: Incoming) -> str:
        """Return the message's text, with what its attachments say."""
        parts = [incoming.text]
        for attachment in incoming.attachments:
            await _acting(message.get_bot(), message)
            parts.append(
                await self.desk.media.read(attachment, _fetcher(message.get_bot(), attachment), incoming.text)
            )
        return "\n\n".join(part for part in parts if part.strip())

    async def _asked(
        self, update: Update, message: Message, incoming: Incoming, *, private: bool
    ) -> Asked | None:
        """Return what is asked; None when there is nothing to answer, as in an edit that changes no word."""
        text = incoming.text
        if not private and text.lstrip().startswith(PRIVATE_MARK):
            text, private = text.lstrip()[len(PRIVATE_MARK) :].lstrip(), True
        if not clean(text).strip():
            return None
        if not place_of(message).private:
            text = f"{_speaker(message)}: {text}"
        earlier = await self._earlier(update, message) if update.edited_message else None
        if earlier is not None and await self._is_unchanged(earlier, text):
            return None
        return Asked(text, incoming.quote, private, earlier)

    async def _earlier(self, update: Update, message: Message) -> TurnRecord | None:
        update_id = await self.desk.records.asked_by(message.chat.id, message.message_id)
        if update_id is None or update_id == update.update_id:
            return None
        return await self.desk.records.turn(update_id)

    async def _is_unchanged(self, earlier: TurnRecord, text: str) -> bool:
        if not earlier.turn_id:
            return False
        found = await self.desk.agent.layers.episodes.get([earlier.turn_id], owner=earlier.owner)
        return any(episode.message == clean(text) for episode in found)

    async def _turn(self, update: Update, message: Message, asked: Asked, answer: Answer) -> None:
        desk, place, say = self.desk, place_of(message), self.desk.say(update)
        if asked.earlier is not None:
            await answer.take_over(asked.earlier.shown)
        turn_id, owner = desk.turn_id(update.update_id), desk.owner(place)
        claim = HOLDER.get()
        events = desk.agent.stream(
            asked.text,
            owner=owner,
            thread=await desk.thread(place),
            turn_id=turn_id,
            about=_circumstances(message, asked),
            fresh=claim is not None and claim.tries == 1,
        )
        try:
            state = await self._shown(events, message, answer)
        except MemoryTierError:
            await answer.frame(say("memory_trouble"))
            raise
        if not asked.private:
            await self._note(update, message, state, owner, place)
            await self._mark_earlier(asked.earlier)
        await answer.finish(_text(state, say, private=asked.private))
        if not asked.private:
            await desk.records.asked(message.chat.id, message.message_id, update.update_id)

    async def _shown(self, events: AsyncIterator[Event], message: Message, answer: Answer) -> State:
        """Show the reply while it is written; return the finished turn."""
        text, frame = "", asyncio.create_task(_acting(message.get_bot(), message))
        state: State | None = None
        try:
            async for event in events:
                match event:
                    case Piece():
                        text += event.text
                        if frame.done():
                            frame.result()
                            frame = asyncio.create_task(answer.frame(text))
                    case Finished():
                        state = event.state
        finally:
            await asyncio.gather(frame, return_exceptions=state is None)
        if state is None:
            raise RuntimeError("The turn ended without a state.")
        return state

    async def _note(self, update: Update, message: Message, state: State, owner: str, place: Place) -> None:
        decisions = [
            {
                "turn_id": decision.turn_id,
                "kept": decision.kept,
                "rule": decision.rule,
                "score": round(decision.score, 4),
                "threshold": round(decision.threshold, 4),
                "probability": round(decision.probability, 4),
            }
            for decision in state.get("decisions", ())
        ]
        await self.desk.records.describe(
            update.update_id,
            turn_id=state["turn"].turn_id,
            owner=owner,
            decisions=json.dumps(decisions),
            link=(message.link or "") if not place.private else "",
        )

    async def _mark_earlier(self, earlier: TurnRecord | None) -> None:
        if earlier is not None and earlier.turn_id:
            await self.desk.agent.layers.episodes.tag(earlier.turn_id, EDITED, owner=earlier.owner)


def _circumstances(message: Message, asked: Asked) -> Circumstances:
    earlier = asked.earlier
    tags = (f"edit of {earlier.turn_id}",) if earlier is not None and earlier.turn_id else ()
    at = message.edit_date or message.date
    return Circumstances(at=at, quote=asked.quote, tags=tags, private=asked.private)


def _text(state: State, say: Say, *, private: bool) -> str:
    """Return what the chat is shown of a turn's end."""
    reply = state["reply"]
    if reply.outcome is Outcome.FAILED:
        return say("private_failed") if private else say("model_trouble", problem=reply.problem)
    parts = [reply.text]
    if reply.problem:
        parts.append(f"_({reply.problem})_")
    if private:
        parts.append(say("private_done"))
    return "\n\n".join(parts)


def _refusal(code: str) -> str:
    return {"unsupported": "unsupported_media"}.get(code, code)


def _speaker(message: Message) -> str:
    """Return the name of who speaks in a group, such that it cannot pass for what they say."""
    name = message.from_user.full_name if message.from_user else "somebody"
    return " ".join(clean(name).replace(":", " ").split())[:_NAME_LENGTH] or "somebody"


def _fetcher(bot: Bot, attachment: Attachment) -> Callable[[], Awaitable[bytes]]:
    async def fetch() -> bytes:
        file = await bot.get_file(attachment.file_id)
        return bytes(await file.download_as_bytearray())

    return fetch


async def _acting(bot: Bot, message: Message) -> None:
    """Show that the bot is at work."""
    place = place_of(message)
    with contextlib.suppress(TelegramError):
        await bot.send_chat_action(place.chat_id, ChatAction.TYPING, message_thread_id=place.topic or None)
