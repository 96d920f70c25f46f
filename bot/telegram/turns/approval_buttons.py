"""Buttons under a call that waits for the person's word.

* `tool:ID`   which turn a question is about, and who may answer it; then that it was answered
"""

import json
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, replace

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Message, Update
from telegram.constants import ChatID

from bot.presentation.approval_question import argument_lines
from bot.telegram.bot_context import BotContext, Say
from bot.telegram.gate.answered_question import close_question
from bot.telegram.outbox.outbox import Answer
from bot.telegram.place import place_of
from bot.telegram.texts import escaped, verbatim
from graph.events.turn_events import Approval, Event, Waiting
from memory.text.text import shortened
from memory.working.redis_connection import translate_errors

ALLOW = "tool"
_LONGEST = 3000
_OPEN_SECONDS = 7 * 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was asked."""

    turn_id: str
    owner: str
    thread: str
    user: int
    """Who may answer it."""
    tool: str
    call: str = ""
    """The call as it was shown."""
    said: str = ""
    """`yes` or `no`, once it was answered."""


@dataclass(frozen=True, slots=True)
class ApprovalButtons:
    """Ask whether a call may be run, and go on with its turn."""

    desk: BotContext

    async def ask(self, waiting: Waiting, thread: str, update: Update, answer: Answer) -> None:
        """Ask for the first call that waits, in the answer's place."""
        user, say, approval = update.effective_user, self.desk.say(update), waiting.approvals[0]
        asked = Asked(waiting.turn_id, waiting.owner, thread, user.id if user else 0, approval.tool)
        asked = replace(asked, call=shown_call(approval, _LONGEST))
        await self._keep(approval.id, asked)
        buttons = [
            InlineKeyboardButton(say("tool_yes"), callback_data=f"{ALLOW}:{approval.id}:yes"),
            InlineKeyboardButton(say("tool_no"), callback_data=f"{ALLOW}:{approval.id}:no"),
        ]
        await answer.finish(question(approval, say), InlineKeyboardMarkup([buttons]))

    async def pressed(self, update: Update) -> tuple[Asked, AsyncIterator[Event]] | None:
        """Return the turn that a pressed button lets go on; None when it does nothing.

        What was said first stands, also when this is done again after a crash.
        """
        query, say = update.callback_query, self.desk.say(update)
        if query is None or not query.data or not isinstance(query.message, Message):
            return None
        approval_id, choice = query.data.split(":")[1:]
        asked = await self._kept(approval_id)
        if asked is None:
            await self.desk.toast(update, say("tool_closed"))
            return None
        if not await self._may_answer(asked, update):
            await self.desk.toast(update, say("not_yours"))
            return None
        return await self._decided(update, query.message, approval_id, asked, choice)

    async def _decided(
        self, update: Update, message: Message, approval_id: str, asked: Asked, choice: str
    ) -> tuple[Asked, AsyncIterator[Event]] | None:
        say = self.desk.say(update)
        mark = f"{choice}:{update.update_id}"
        if asked.said and asked.said != mark:
            await self.desk.toast(update, say("tool_closed"))
            return None
        if asked.owner != await self.desk.owner(place_of(message)):
            await self.desk.toast(update, say("not_yours"))
            return None
        await self._keep(approval_id, replace(asked, said=mark))
        key = "tool_allowed" if choice == "yes" else "tool_refused"
        await close_question(self.desk, message, f"{say(key, tool=verbatim(asked.tool))}\n{asked.call}")
        await self.desk.toast(update, "")
        events = self.desk.agent.decide(
            asked.turn_id,
            owner=asked.owner,
            thread=asked.thread,
            approval_id=approval_id,
            allowed=choice == "yes",
        )
        return asked, events

    async def _may_answer(self, asked: Asked, update: Update) -> bool:
        """Say whether somebody may answer: who was asked, or for an anonymous admin whoever is trusted."""
        user = update.effective_user
        if asked.user in {0, ChatID.ANONYMOUS_ADMIN}:
            return await self.desk.trusts(update)
        return user is not None and user.id == asked.user

    @translate_errors()
    async def _keep(self, approval_id: str, asked: Asked) -> None:
        client = await self.desk.agent.layers.redis.client()
        await client.set(self.desk.keys(ALLOW, approval_id), json.dumps(asdict(asked)), ex=_OPEN_SECONDS)

    @translate_errors()
    async def _kept(self, approval_id: str) -> Asked | None:
        found = await (await self.desk.agent.layers.redis.client()).get(self.desk.keys(ALLOW, approval_id))
        return None if found is None else Asked(**json.loads(found))


def question(approval: Approval, say: Say) -> str:
    """Return what is asked, with every argument to be seen in full."""
    asked = say("tool_ask", tool=verbatim(approval.tool), reason=escaped(approval.reason))
    return f"{asked}\n{shown_call(approval)}"


def shown_call(approval: Approval, most: int = 10**6) -> str:
    """Return the call's arguments, shortened to `most` characters, as a block of code."""
    lines = shortened("\n".join(argument_lines(approval)), most)
    ticks = "`" * max(3, _longest_run(lines) + 1)
    return f"{ticks}\n{lines}\n{ticks}"


def _longest_run(text: str) -> int:
    longest = run = 0
    for char in text:
        run = run + 1 if char == "`" else 0
        longest = max(longest, run)
    return longest
