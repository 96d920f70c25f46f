"""/forget: delete a fact, a turn or all data after a confirmation.

* `forget:NONCE`   a pending question (owner, what, who may answer), later its result
"""

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Message, Update

from bot.printable import Say, snippet
from bot.telegram.bot_context import BotContext, command_message, command_text
from bot.telegram.commands.turn_finder import MOST_FOUND, find_turns
from bot.telegram.full_erasure import FullErasure
from bot.telegram.gate.gate import HandlerContext
from bot.telegram.inbox.lanes import HOLDER
from bot.telegram.place import place_of
from bot.telegram.texts import inline_code
from graph.runtime.erasure_search import search_stores
from graph.runtime.fact_removal import Quotations
from memory.models import Fact

EVERYTHING = {"everything", "all", "tot", "totul"}
ASKING_SECONDS = 10 * 60
MOST_QUOTING = 5
"""Maximum number of quoting turns and facts that a question lists."""
FORGET = "forget"
_HIDDEN = "…"
"""Stands for the key of a forgotten fact in the stored result."""
logger = logging.getLogger(__name__)


def _numbers(nonce: str, count: int) -> list[InlineKeyboardButton]:
    return [
        InlineKeyboardButton(f"🗑 {number}", callback_data=f"{FORGET}:{nonce}:{number}")
        for number in range(1, count + 1)
    ]


def _quoting(quotations: Quotations, say: Say) -> list[str]:
    """Return a paragraph about the turns and facts that quote it and are kept; empty without any."""
    quoting = [snippet(turn.said) for turn in quotations.turns]
    quoting += [f"{fact.key}: {snippet(fact.value)}" for fact in quotations.facts]
    listed = "\n".join(map(inline_code, quoting[:MOST_QUOTING]))
    return [say("forget_quoting", count=len(quoting), listed=listed)] if quoting else []


@dataclass(frozen=True, slots=True)
class ForgetCommand:
    """The /forget command and its buttons."""

    context: BotContext

    async def __call__(self, update: Update, _: HandlerContext) -> None:
        """Ask before deleting the turn that is replied to, a fact, the turns that are found, or all data."""
        message, say = command_message(update), self.context.say(update)
        subject, owner = command_text(message), await self.context.owner(place_of(message))
        if not await self.context.trusts(update):
            await self.context.reply(update, "access_only")
        elif not subject and message.reply_to_message is None:
            await self.context.reply(update, "forget_usage")
        elif not subject:
            await self.ask_turn(update, await self._turn_replied_to(message, owner), owner)
        elif subject.lower() in EVERYTHING:
            turns = await self.context.agent.layers.episodes.count(owner=owner)
            facts = len(await self.context.agent.layers.permanent.facts(owner=owner))
            await self._ask(
                update, say("forget_ask_all", turns=turns, facts=facts), {"owner": owner, "key": ""}
            )
        elif versions := await self.context.agent.removal.facts.versions(subject, owner):
            await self._ask_fact(update, versions[0], owner)
        else:
            await self._ask_found(update, subject, owner)

    async def buttons(self, update: Update, turn_ids: Sequence[str]) -> InlineKeyboardMarkup | None:
        """Return a row of buttons, one to forget each turn; None if the sender may not."""
        user = update.effective_user
        if not turn_ids or user is None or not await self.context.trusts(update):
            return None
        nonce, owner = secrets.token_urlsafe(12), await self.context.owner_of(update)
        await self._save(nonce, {"owner": owner, "turns": list(turn_ids), "user": user.id})
        return InlineKeyboardMarkup([_numbers(nonce, len(turn_ids))])

    async def pick(self, update: Update, _: HandlerContext) -> None:
        """Handle a button of such a row: ask before the turn is deleted."""
        query, say = update.callback_query, self.context.say(update)
        if query is None or not query.data or not isinstance(query.message, Message):
            return
        nonce, number = query.data.split(":")[1:]
        offered = await self.context.stored(FORGET, nonce)
        if offered is None or int(number) > len(offered.get("turns", ())):
            await self.context.toast(update, say("forget_expired"))
        elif offered["user"] != query.from_user.id:
            await self.context.toast(update, say("not_yours"))
        else:
            await self.context.toast(update, "")
            await self.ask_turn(update, offered["turns"][int(number) - 1], offered["owner"])

    async def _turn_replied_to(self, message: Message, owner: str) -> str:
        """Return the owner's turn of the message that is replied to; "" without one."""
        replied, records = message.reply_to_message, self.context.records
        if replied is None:
            return ""
        chat_id, message_id = message.chat.id, replied.message_id
        update_id = await records.update_of_question(chat_id, message_id)
        update_id = update_id or await records.update_of_answer(chat_id, message_id)
        record = await records.latest_turn(update_id) if update_id else None
        return record.turn_id if record and record.owner == owner else ""

    async def ask_turn(self, update: Update, turn_id: str, owner: str) -> None:
        """Ask before deleting a turn; show what quotes it."""
        agent, say = self.context.agent, self.context.say(update)
        episodes = await agent.layers.episodes.get([turn_id], owner=owner)
        if not episodes:
            await self.context.reply(update, "forget_no_turn")
            return
        parts = [say("forget_ask_turn", text=inline_code(snippet(episodes[0].said)))]
        turn_ids = await agent.removal.versions([turn_id], owner)
        parts += _quoting(await agent.removal.quotations(turn_ids, owner), say)
        await self._ask(update, "\n\n".join(parts), {"owner": owner, "turns": turn_ids})

    async def _ask_fact(self, update: Update, fact: Fact, owner: str) -> None:
        """Ask before deleting a fact; show what quotes it."""
        say, removal = self.context.say(update), self.context.agent.removal
        question = say("forget_ask_fact", key=inline_code(fact.key), value=inline_code(fact.value))
        parts = [question, *_quoting(await removal.facts.quotations(fact.key, owner), say)]
        await self._ask(update, "\n\n".join(parts), {"owner": owner, "key": fact.key})

    async def _ask_found(self, update: Update, subject: str, owner: str) -> None:
        """Ask before deleting the turns that words or a time name, with a button for each."""
        context, say, message = self.context, self.context.say(update), command_message(update)
        thread = await context.thread(place_of(message))
        found = await find_turns(context.agent.layers, subject, owner=owner, thread=thread)
        if not found:
            await context.reply(update, "forget_unknown", key=inline_code(subject))
            return
        zone, shown = context.agent.layers.zone, found[:MOST_FOUND]
        lines = [
            f"{number}. {one.at.astimezone(zone):%Y-%m-%d %H:%M} {inline_code(snippet(one.said))}"
            for number, one in enumerate(shown, start=1)
        ]
        more = [say("forget_more", count=len(found) - len(shown))] if len(found) > len(shown) else []
        turn_ids = await context.agent.removal.versions([one.turn_id for one in found], owner)
        parts = [say("forget_ask_turns", count=len(found), listed="\n".join([*lines, *more]))]
        parts += _quoting(await context.agent.removal.quotations(turn_ids, owner), say)
        pending = {"owner": owner, "turns": turn_ids}
        await self._ask(update, "\n\n".join(parts), pending, numbers=len(shown))

    async def _ask(self, update: Update, question: str, pending: dict[str, Any], *, numbers: int = 0) -> None:
        message, say, user = command_message(update), self.context.say(update), update.effective_user
        answer = await self.context.answer(update, message)
        if answer.sent or user is None:
            return
        nonce = secrets.token_urlsafe(12)
        await self._save(nonce, {**pending, "user": user.id})
        buttons = [
            InlineKeyboardButton(say("forget_yes"), callback_data=f"{FORGET}:{nonce}:yes"),
            InlineKeyboardButton(say("forget_no"), callback_data=f"{FORGET}:{nonce}:no"),
        ]
        rows = [_numbers(nonce, numbers), buttons] if numbers > 1 else [buttons]
        await answer.finish(question, InlineKeyboardMarkup(rows))

    async def decide(self, update: Update, _: HandlerContext) -> None:
        """Handle a pressed button; safe to repeat."""
        query, say = update.callback_query, self.context.say(update)
        if query is None or not query.data:
            return
        nonce, choice = query.data.split(":")[1:]
        pending = await self.context.stored(FORGET, nonce)
        if pending is not None and pending["user"] != query.from_user.id:
            await self.context.toast(update, say("not_yours"))
            return
        text = await self._resolve(nonce, pending, choice, say)
        if isinstance(query.message, Message):
            await self.context.close(query.message, text)
        await self.context.toast(update, "")

    async def _resolve(self, nonce: str, pending: dict[str, Any] | None, choice: str, say: Say) -> str:
        """Carry out the choice and return the text for it; the first choice is final."""
        if pending is None:
            return say("forget_expired")
        if choice == "yes" and (claim := HOLDER.get()) is not None:
            claim.private = True  # the question was still in Redis' log when the deletion rewrote it
        if "done" not in pending:
            text = await self._delete(nonce, pending, say) if choice == "yes" else say("forget_kept")
            await self._save(nonce, {"user": pending["user"], "done": text})
            key = inline_code(pending.get("key", ""))
            return text.replace(_HIDDEN, key) if key and choice == "yes" else text
        return str(pending["done"])

    async def _delete(self, nonce: str, pending: dict[str, Any], say: Say) -> str:
        """Delete what the question named, then search every store for it; return the text to store and send.

        Where it was found is only logged, since it could reveal what others said.
        """
        context, owner, key = self.context, pending["owner"], pending.get("key")
        erasure = FullErasure(context.agent, str(context.me.id), context.keys(FORGET, nonce))
        done, with_rest = "forgotten_turn", "forgotten_turn_left"
        if turn_ids := pending.get("turns"):
            erased = await erasure.turns(turn_ids, owner)
        elif key:
            erased, done = await erasure.fact(key, owner), "forgotten_fact"
        else:
            erased, done, with_rest = await erasure.everything(owner), "forgotten_all", "forgotten_left"
        reasons = "\n".join(map(inline_code, erased.left))
        parts = [say(with_rest, reasons=reasons) if reasons else say(done, key=_HIDDEN)]
        searched = await search_stores(context.agent.layers, erased.words, owner=owner)
        if searched.found:
            logger.warning("Erased words are repeated in %s", ", ".join(searched.found))
        if searched.texts:
            parts.append(say("forgotten_searched", files=searched.files, entries=searched.entries))
        return "\n\n".join(parts)

    async def _save(self, nonce: str, pending: dict[str, Any]) -> None:
        await self.context.store(FORGET, nonce, value=pending, seconds=ASKING_SECONDS)
