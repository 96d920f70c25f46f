"""The buttons under the questions for approval.

* `tool:ID`   a pending question: its turn, who may answer, and later the answer
"""

from dataclasses import asdict, dataclass, replace

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Message, Update
from telegram.constants import ChatID

from bot.presentation.approval_question import shown_call
from bot.printable import Say
from bot.telegram.bot_context import BotContext
from bot.telegram.outbox.outbox import Answer
from bot.telegram.place import place_of
from bot.telegram.texts import escape, inline_code
from graph.events.turn_events import Approval, Events, Waiting

ALLOW = "tool"
_LONGEST = 3000
_OPEN_SECONDS = 7 * 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class PendingApproval:
    """A question about a tool call, as stored."""

    turn_id: str
    owner: str
    thread: str
    user: int
    """Id of the person who may answer."""
    tool: str
    call: str = ""
    """The call as shown in the question."""
    said: str = ""
    """`yes` or `no` and the update, once answered."""


@dataclass(frozen=True, slots=True)
class ApprovalButtons:
    """Asks for approval of a tool call, and resumes its turn."""

    context: BotContext

    async def ask(self, waiting: Waiting, thread: str, update: Update, answer: Answer) -> None:
        """Ask for approval of the first pending call, in the answer's message."""
        user, say, approval = update.effective_user, self.context.say(update), waiting.approvals[0]
        asked = PendingApproval(waiting.turn_id, waiting.owner, thread, user.id if user else 0, approval.tool)
        asked = replace(asked, call=shown_call(approval, _LONGEST))
        await self._save(approval.id, asked)
        buttons = [
            InlineKeyboardButton(say("tool_yes"), callback_data=f"{ALLOW}:{approval.id}:yes"),
            InlineKeyboardButton(say("tool_no"), callback_data=f"{ALLOW}:{approval.id}:no"),
        ]
        await answer.finish(question(approval, say), InlineKeyboardMarkup([buttons]))

    async def resume(self, update: Update) -> tuple[PendingApproval, Events] | None:
        """Resume the turn of a pressed button and return its events; None if the button has no effect.

        The first answer is final, also when this is repeated after a crash.
        """
        query, say = update.callback_query, self.context.say(update)
        if query is None or not query.data or not isinstance(query.message, Message):
            return None
        approval_id, choice = query.data.split(":")[1:]
        stored = await self.context.stored(ALLOW, approval_id)
        if stored is None:
            await self.context.toast(update, say("tool_closed"))
            return None
        asked = PendingApproval(**stored)
        if not await self._may_answer(asked, update):
            await self.context.toast(update, say("not_yours"))
            return None
        return await self._resume(update, query.message, approval_id, asked, choice)

    async def _resume(
        self, update: Update, message: Message, approval_id: str, asked: PendingApproval, choice: str
    ) -> tuple[PendingApproval, Events] | None:
        say = self.context.say(update)
        mark = f"{choice}:{update.update_id}"
        if asked.said and asked.said != mark:
            await self.context.toast(update, say("tool_closed"))
            return None
        if asked.owner != await self.context.owner(place_of(message)):
            await self.context.toast(update, say("not_yours"))
            return None
        await self._save(approval_id, replace(asked, said=mark))
        key = "tool_allowed" if choice == "yes" else "tool_refused"
        await self.context.close(message, f"{say(key, tool=inline_code(asked.tool))}\n{asked.call}")
        await self.context.toast(update, "")
        events = self.context.agent.decide(
            asked.turn_id,
            owner=asked.owner,
            thread=asked.thread,
            approval_id=approval_id,
            allowed=choice == "yes",
        )
        return asked, events

    async def _may_answer(self, asked: PendingApproval, update: Update) -> bool:
        """Return True for the person asked; for an anonymous admin, anybody with access."""
        user = update.effective_user
        if asked.user in {0, ChatID.ANONYMOUS_ADMIN}:
            return await self.context.trusts(update)
        return user is not None and user.id == asked.user

    async def _save(self, approval_id: str, asked: PendingApproval) -> None:
        await self.context.store(ALLOW, approval_id, value=asdict(asked), seconds=_OPEN_SECONDS)


def question(approval: Approval, say: Say) -> str:
    """Return the question with all arguments of the call."""
    asked = say("tool_ask", tool=inline_code(approval.tool), reason=escape(approval.reason))
    return f"{asked}\n{shown_call(approval)}"
