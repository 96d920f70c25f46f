"""/forget: a fact, or everything, is deleted once the person has said yes.

* `forget:NONCE`   what a question is about, and who may answer it; then what came of it
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Message, Update

from bot.telegram.bot_context import BotContext, Say, asked_by, command_text
from bot.telegram.gate.answered_question import close_question
from bot.telegram.gate.gate import Context
from bot.telegram.place import Place, lane_of, place_of
from bot.telegram.texts import verbatim
from memory.models import Fact
from memory.working.redis_connection import translate_errors

EVERYTHING = {"everything", "all", "tot", "totul"}
ASKING_SECONDS = 10 * 60
FORGET = "forget"


def dead_place(record: Mapping[str, Any]) -> Place | None:
    """Return the chat of an update that was given up; None when it cannot be told."""
    try:
        chat_id, _, _ = lane_of(json.loads(record["update"])).partition(":")
        return Place(int(chat_id), 0, int(chat_id) > 0)
    except (ValueError, AttributeError):
        return None


@dataclass(frozen=True, slots=True)
class ForgetCommand:
    """Ask, and delete."""

    desk: BotContext

    async def __call__(self, update: Update, _: Context) -> None:
        """Ask before a fact, or everything, is deleted."""
        message, say = asked_by(update), self.desk.say(update)
        what, owner = command_text(message), await self.desk.owner(place_of(message))
        if not what:
            await self.desk.reply(update, "forget_usage")
        elif not await self.desk.trusts(update):
            await self.desk.reply(update, "admins_only")
        elif what.lower() in EVERYTHING:
            turns = await self.desk.agent.layers.episodes.count(owner=owner)
            facts = len(await self.desk.agent.layers.permanent.facts(owner=owner))
            await self._ask(update, say("forget_ask_all", turns=turns, facts=facts), owner, "")
        elif (fact := await self._fact(what, owner)) is None:
            await self.desk.reply(update, "forget_unknown", key=verbatim(what))
        else:
            question = say("forget_ask_fact", key=verbatim(fact.key), value=verbatim(fact.value))
            await self._ask(update, question, owner, fact.key)

    async def _fact(self, key: str, owner: str) -> Fact | None:
        facts = await self.desk.agent.layers.permanent.facts(owner=owner)
        return next((fact for fact in facts if fact.key.casefold() == key.casefold()), None)

    async def _ask(self, update: Update, question: str, owner: str, key: str) -> None:
        message, say, user = asked_by(update), self.desk.say(update), update.effective_user
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

    async def decide(self, update: Update) -> None:
        """Do what the pressed button says; it may be done again."""
        query, say = update.callback_query, self.desk.say(update)
        if query is None or not query.data:
            return
        nonce, choice = query.data.split(":")[1:]
        asked = await self._kept(nonce)
        if asked is not None and asked["user"] != query.from_user.id:
            await self.desk.toast(update, say("not_yours"))
            return
        text = await self._decided(nonce, asked, choice, say)
        if isinstance(query.message, Message):
            await close_question(self.desk, query.message, text)
        await self.desk.toast(update, "")

    async def _decided(self, nonce: str, asked: dict[str, Any] | None, choice: str, say: Say) -> str:
        """Do what was chosen, and say so; what was chosen first stands when a button is pressed again."""
        if asked is None:
            return say("forget_expired")
        if "done" not in asked:
            text = await self._forgotten(asked, say) if choice == "yes" else say("forget_kept")
            asked = {"user": asked["user"], "done": text}
            await self._keep(nonce, asked)
        return str(asked["done"])

    async def _forgotten(self, asked: dict[str, Any], say: Say) -> str:
        owner, key = asked["owner"], asked["key"]
        if not key:
            await self._drop_dead(owner)
            await self.desk.records.erase(owner)
            left = await self.desk.agent.erase(owner)
            await self.desk.records.erase(owner)  # turns that were stopped have noted themselves meanwhile
            reasons = "\n".join(map(verbatim, left))
            return say("forgotten_left", reasons=reasons) if left else say("forgotten_all")
        await self.desk.agent.layers.permanent.forget(key, owner=owner, at=datetime.now(UTC))
        return say("forgotten_fact", key=verbatim(key))

    async def _drop_dead(self, owner: str) -> None:
        """Delete the messages of the owner's chats that were given up."""
        for record in await self.desk.lanes.dead():
            place = dead_place(record)
            if place is not None and await self.desk.owner(place) == owner:
                await self.desk.lanes.drop_one_dead(record)

    @translate_errors()
    async def _keep(self, nonce: str, asked: dict[str, Any]) -> None:
        client = await self.desk.agent.layers.redis.client()
        await client.set(self.desk.keys(FORGET, nonce), json.dumps(asked), ex=ASKING_SECONDS)

    @translate_errors()
    async def _kept(self, nonce: str) -> dict[str, Any] | None:
        found = await (await self.desk.agent.layers.redis.client()).get(self.desk.keys(FORGET, nonce))
        asked: dict[str, Any] | None = None if found is None else json.loads(found)
        return asked
