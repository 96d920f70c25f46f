"""Commands that change what is kept: /remember, /new, /private, /export, /forget and its buttons."""

import asyncio
import io
import json
import secrets
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Message, Update
from telegram.error import BadRequest

from bot.telegram.access import Role
from bot.telegram.converse import Converse
from bot.telegram.desk import Desk, Say, command_text
from bot.telegram.formatting import preview
from bot.telegram.gate import Context, Handler
from bot.telegram.place import place_of
from bot.telegram.texts import escaped, verbatim
from memory.errors import FactsFull
from memory.models import Episode, Fact
from memory.working.client import translate_errors

EVERYTHING = {"everything", "all", "tot", "totul"}
ASKING_SECONDS = 10 * 60
LARGEST_UPLOAD = 50 * 1000 * 1000
"""Bytes that a bot may send."""
FORGET = "forget"


@dataclass(frozen=True, slots=True)
class Keeping:
    """Note, hand over and delete what is kept of an owner."""

    desk: Desk
    converse: Converse

    def commands(self) -> dict[str, Handler]:
        """Return what each command does."""
        return {
            "remember": self.remember,
            "new": self.new,
            "private": self.private,
            "export": self.export,
            "forget": self.forget,
        }

    async def remember(self, update: Update, _: Context) -> None:
        """Note a fact."""
        message = _message(update)
        key, colon, value = (part.strip() for part in command_text(message).partition(":"))
        if not (key and colon and value):
            await self.desk.reply(update, "remember_usage")
            return
        permanent, owner = self.desk.agent.layers.permanent, self.desk.owner(place_of(message))
        try:
            await permanent.upsert(key, value, owner=owner, at=message.date)
        except FactsFull as error:
            await self.desk.reply(update, "facts_full", reason=escaped(error.detail))
        else:
            await self.desk.reply(update, "remembered", key=verbatim(key))

    async def new(self, update: Update, _: Context) -> None:
        """Begin a new thread."""
        await self.desk.records.new_epoch(place_of(_message(update)).lane, update.update_id)
        await self.desk.reply(update, "new_thread")

    async def private(self, update: Update, _: Context) -> None:
        """Answer without leaving a trace."""
        message = _message(update)
        incoming = self.desk.read(message)
        text = incoming.text.split(maxsplit=1)[1:]
        if not text:
            await self.desk.reply(update, "private_usage")
            return
        asked = type(incoming)(text[0], incoming.quote, incoming.attachments)
        await self.converse.respond(update, message, asked, private=True)

    async def export(self, update: Update, _: Context) -> None:
        """Send all that is kept of the owner, as a file that `goat import` reads."""
        message, say = _message(update), self.desk.say(update)
        answer = await self.desk.answer(update, message)
        if answer.sent:
            return
        if not await self._may(update):
            await answer.finish(say("admins_only"))
            return
        place = place_of(message)
        turns, facts = await self._contents(self.desk.owner(place))
        if not turns and not facts:
            await answer.finish(say("export_empty"))
            return
        packed = await asyncio.to_thread(pack, turns, facts)
        if len(packed) > LARGEST_UPLOAD:
            await answer.finish(say("export_too_large"))
            return
        await answer.finish(say("export_caption", turns=len(turns), facts=len(facts)))
        name = f"goat-{datetime.now(UTC):%Y-%m-%d}.zip"
        await self.desk.courier.deliver(
            place.chat_id,
            lambda: self.desk.bot.send_document(
                place.chat_id, packed, filename=name, message_thread_id=place.topic or None
            ),
        )

    async def _contents(self, owner: str) -> tuple[list[Episode], list[Fact]]:
        layers = self.desk.agent.layers
        turns = [episode async for episode in layers.episodes.all(owner=owner)]
        return turns, await layers.permanent.facts(owner=owner)

    async def forget(self, update: Update, _: Context) -> None:
        """Ask before a fact, or everything, is deleted."""
        message, say = _message(update), self.desk.say(update)
        what, owner = command_text(message), self.desk.owner(place_of(message))
        if not what:
            await self.desk.reply(update, "forget_usage")
        elif not await self._may(update):
            await self.desk.reply(update, "admins_only")
        elif what.lower() in EVERYTHING:
            turns, facts = await self._contents(owner)
            await self._ask(update, say("forget_ask_all", turns=len(turns), facts=len(facts)), owner, "")
        elif (fact := await self._fact(what, owner)) is None:
            await self.desk.reply(update, "forget_unknown", key=verbatim(what))
        else:
            question = say("forget_ask_fact", key=verbatim(fact.key), value=verbatim(fact.value))
            await self._ask(update, question, owner, fact.key)

    async def _fact(self, key: str, owner: str) -> Fact | None:
        facts = await self.desk.agent.layers.permanent.facts(owner=owner)
        return next((fact for fact in facts if fact.key.casefold() == key.casefold()), None)

    async def _ask(self, update: Update, question: str, owner: str, key: str) -> None:
        message, say, user = _message(update), self.desk.say(update), update.effective_user
        answer = await self.desk.answer(update, message)
        if answer.sent or user is None:
            return
        nonce = secrets.token_urlsafe(12)
        await self._keep(nonce, {"owner": owner, "key": key, "user": user.id})
        buttons = [
            InlineKeyboardButton(say("forget_yes"), callback_data=f"{FORGET}:{nonce}:yes"),
            InlineKeyboardButton(say("forget_no"), callback_data=f"{FORGET}:{nonce}:no"),
        ]
        await answer.finish(question, InlineKeyboardMarkup([buttons]))

    async def decide(self, update: Update, _: Context) -> None:
        """Do what the pressed button says; it may be done again."""
        query, say = update.callback_query, self.desk.say(update)
        if query is None or not query.data:
            return
        nonce, choice = query.data.split(":")[1:]
        asked = await self._kept(nonce)
        if asked is not None and asked["user"] != query.from_user.id:
            await self.desk.toast(update, say("not_yours"))
            return
        text = say("forget_expired") if asked is None else say("forget_kept")
        if asked is not None and choice == "yes":
            text = await self._forgotten(asked, say)
        await self._close(update, text)
        await self._drop(nonce)
        await self.desk.toast(update, "")

    async def _forgotten(self, asked: dict[str, Any], say: Say) -> str:
        owner, key = asked["owner"], asked["key"]
        if not key:
            await self.desk.agent.erase(owner)
            return say("forgotten_all")
        await self.desk.agent.layers.permanent.forget(key, owner=owner, at=datetime.now(UTC))
        return say("forgotten_fact", key=verbatim(key))

    async def _close(self, update: Update, text: str) -> None:
        """Put what was done in the place of the question."""
        query = update.callback_query
        if query is None or not isinstance(message := query.message, Message):
            return
        piece = preview(text)
        try:
            await self.desk.courier.deliver(
                message.chat.id,
                lambda: self.desk.bot.edit_message_text(
                    piece.text, message.chat.id, message.message_id, entities=piece.entities
                ),
            )
        except BadRequest:
            return

    async def _may(self, update: Update) -> bool:
        """Say whether somebody may hand over or delete what is kept: in a group, only who was let in."""
        user = update.effective_user
        return user is not None and await self.desk.access.role(user.id) is not Role.STRANGER

    @translate_errors()
    async def _keep(self, nonce: str, asked: dict[str, Any]) -> None:
        client = await self.desk.agent.layers.redis.client()
        await client.set(self.desk.keys(FORGET, nonce), json.dumps(asked), ex=ASKING_SECONDS)

    @translate_errors()
    async def _kept(self, nonce: str) -> dict[str, Any] | None:
        found = await (await self.desk.agent.layers.redis.client()).get(self.desk.keys(FORGET, nonce))
        asked: dict[str, Any] | None = None if found is None else json.loads(found)
        return asked

    @translate_errors()
    async def _drop(self, nonce: str) -> None:
        await (await self.desk.agent.layers.redis.client()).delete(self.desk.keys(FORGET, nonce))


def pack(turns: list[Episode], facts: list[Fact]) -> bytes:
    """Return a ZIP of turns, a JSON object a line, and facts."""
    lines = [
        json.dumps(
            {
                "turn_id": turn.turn_id,
                "thread": turn.thread,
                "at": turn.at.isoformat(),
                "message": turn.message,
                "reply": turn.reply,
                "tags": list(turn.tags),
            },
            ensure_ascii=False,
        )
        for turn in turns
    ]
    noted = [{"key": fact.key, "value": fact.value, "at": fact.at.isoformat()} for fact in facts]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("turns.jsonl", "\n".join(lines))
        archive.writestr("facts.json", json.dumps(noted, ensure_ascii=False, indent=1))
    return packed.getvalue()


def _message(update: Update) -> Message:
    message = update.effective_message
    if not isinstance(message, Message):
        raise TypeError("a command comes with its message")
    return message
