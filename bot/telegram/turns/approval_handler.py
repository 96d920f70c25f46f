"""Handler of the approval buttons."""

from dataclasses import dataclass

from telegram import Message, Update

from bot.telegram.bot_context import BotContext
from bot.telegram.gate.gate import HandlerContext
from bot.telegram.turns.approval_buttons import ApprovalButtons
from bot.telegram.turns.turn_presenter import TurnPresenter
from memory.errors import NothingToDecide, OwnerMismatch


@dataclass(frozen=True, slots=True)
class ApprovalHandler:
    """Resumes a turn that waits for approval."""

    context: BotContext

    async def __call__(self, update: Update, _: HandlerContext) -> None:
        """Resume the turn and answer with its outcome."""
        query = update.callback_query
        resumed = await ApprovalButtons(self.context).resume(update)
        if resumed is None or query is None or not isinstance(query.message, Message):
            return
        asked, events = resumed
        answer = await self.context.answer(update, query.message)
        if answer.sent:
            return
        presenter = TurnPresenter(self.context, update, query.message, answer)
        try:
            outcome = await presenter.present(events, asked.turn_id)
        except (NothingToDecide, OwnerMismatch):
            await answer.finish(self.context.say(update)("tool_closed"))
            return
        await presenter.finish(outcome, asked.thread)
