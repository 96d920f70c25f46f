"""What a pressed button under a question of a tool does."""

from dataclasses import dataclass

from telegram import Message, Update

from bot.telegram.bot_context import BotContext
from bot.telegram.gate.gate import Context
from bot.telegram.turns.approval_buttons import ApprovalButtons
from bot.telegram.turns.turn_presenter import TurnPresenter
from memory.errors import NothingToDecide, OwnerMismatch


@dataclass(frozen=True, slots=True)
class ApprovalHandler:
    """Let a turn go on that waits for its person's word."""

    desk: BotContext

    async def __call__(self, update: Update, _: Context) -> None:
        """Answer with how the turn goes on."""
        query = update.callback_query
        going = await ApprovalButtons(self.desk).pressed(update)
        if going is None or query is None or not isinstance(query.message, Message):
            return
        asked, events = going
        answer = await self.desk.answer(update, query.message)
        if answer.sent:
            return
        turning = TurnPresenter(self.desk, update, query.message, answer)
        try:
            ended = await turning.shown(events)
        except (NothingToDecide, OwnerMismatch):
            await answer.finish(self.desk.say(update)("tool_closed"))
            return
        await turning.settle(ended, asked.thread)
