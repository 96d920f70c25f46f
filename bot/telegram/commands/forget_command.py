"""/forget: delete a fact or all data after a confirmation.

* `forget:NONCE`   a pending question (owner, fact, who may answer), later its result
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Message, Update

from bot.telegram.bot_context import BotContext, Say, command_message, command_text
from bot.telegram.gate.answered_question import close_question
from bot.telegram.gate.gate import HandlerContext
from bot.telegram.place import Place, lane_of, place_of
from bot.telegram.texts import inline_code
from memory.models import Fact
from memory.working.redis_connection import translate_errors

EVERYTHING = {"everything", "all", "tot", "totul"}
ASKING_SECONDS = 10 * 60
FORGET = "forget"


def dead_place(record: Mapping[str, Any]) -> Place | None:
    """Return the chat of a dead update; None if it cannot be parsed."""
    try:
        chat_id, _, _ = lane_of(json.loads(record["update"])).partition(":")
        return Place(int(chat_id), 0, int(chat_id) > 0)
    except (ValueError, AttributeError):
        return None


@dataclass(frozen=True, slots=True)
class ForgetCommand:
    """The /forget command and its buttons."""

    context: BotContext

    async def __call__(self, update: Update, _: HandlerContext) -> None:
        """Ask before deleting a fact or all data."""
        message, say = command_message(update), self.context.say(update)
        subject, owner = command_text(message), await self.context.owner(place_of(message))
        if not subject:
            await self.context.reply(update, "forget_usage")
        elif not await self.context.trusts(update):
            await self.context.reply(update, "access_only")
        elif subject.lower() in EVERYTHING:
            turns = await self.context.agent.layers.episodes.count(owner=owner)
            facts = len(await self.context.agent.layers.permanent.facts(owner=owner))
            await self._ask(update, say("forget_ask_all", turns=turns, facts=facts), owner, "")
        elif (fact := await self._fact(subject, owner)) is None:
            await self.context.reply(update, "forget_unknown", key=inline_code(subject))
        else:
            question = say("forget_ask_fact", key=inline_code(fact.key), value=inline_code(fact.value))
            await self._ask(update, question, owner, fact.key)

    async def _fact(self, key: str, owner: str) -> Fact | None:
        facts = await self.context.agent.layers.permanent.facts(owner=owner)
        return next((fact for fact in facts if fact.key.casefold() == key.casefold()), None)

    async def _ask(self, update: Update, question: str, owner: str, key: str) -> None:
        message, say, user = command_message(update), self.context.say(update), update.effective_user
        answer = await self.context.answer(update, message)
        if answer.sent or user is None:
            return
        nonce = secrets.token_urlsafe(12)
        await self._save(nonce, {"owner": owner, "key": key, "user": user.id})
        buttons = [
            InlineKeyboardButton(say("forget_yes"), callback_data=f"{FORGET}:{nonce}:yes"),
            InlineKeyboardButton(say("forget_no"), callback_data=f"{FORGET}:{nonce}:no"),
        ]
        await answer.finish(question, InlineKeyboardMarkup([buttons]))

    async def decide(self, update: Update) -> None:
        """Handle a pressed button; safe to repeat."""
        query, say = update.callback_query, self.context.say(update)
        if query is None or not query.data:
            return
        nonce, choice = query.data.split(":")[1:]
        pending = await self._load(nonce)
        if pending is not None and pending["user"] != query.from_user.id:
            await self.context.toast(update, say("not_yours"))
            return
        text = await self._resolve(nonce, pending, choice, say)
        if isinstance(query.message, Message):
            await close_question(self.context, query.message, text)
        await self.context.toast(update, "")

    async def _resolve(self, nonce: str, pending: dict[str, Any] | None, choice: str, say: Say) -> str:
        """Carry out the choice and return the text for it; the first choice is final."""
        if pending is None:
            return say("forget_expired")
        if "done" not in pending:
            text = await self._delete(pending, say) if choice == "yes" else say("forget_kept")
            pending = {"user": pending["user"], "done": text}
            await self._save(nonce, pending)
        return str(pending["done"])

    async def _delete(self, pending: dict[str, Any], say: Say) -> str:
        owner, key = pending["owner"], pending["key"]
        if not key:
            await self._drop_dead(owner)
            await self.context.records.erase(owner)
            left = await self.context.agent.erase(owner)
            await self.context.records.erase(owner)  # stopped turns may have written records meanwhile
            reasons = "\n".join(map(inline_code, left))
            return say("forgotten_left", reasons=reasons) if left else say("forgotten_all")
        await self.context.agent.layers.permanent.forget(key, owner=owner, at=datetime.now(UTC))
        return say("forgotten_fact", key=inline_code(key))

    async def _drop_dead(self, owner: str) -> None:
        """Delete the dead updates of the owner's chats."""
        for record in await self.context.lanes.dead():
            place = dead_place(record)
            if place is not None and await self.context.owner(place) == owner:
                await self.context.lanes.drop_one_dead(record)

    @translate_errors()
    async def _save(self, nonce: str, pending: dict[str, Any]) -> None:
        client = await self.context.agent.layers.redis.client()
        await client.set(self.context.keys(FORGET, nonce), json.dumps(pending), ex=ASKING_SECONDS)

    @translate_errors()
    async def _load(self, nonce: str) -> dict[str, Any] | None:
        found = await (await self.context.agent.layers.redis.client()).get(self.context.keys(FORGET, nonce))
        pending: dict[str, Any] | None = None if found is None else json.loads(found)
        return pending
