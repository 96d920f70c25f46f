"""Reactions to answers and questions: emojis, presses of the buttons under them, and /cancel."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from telegram import CallbackQuery, InlineKeyboardMarkup, Message, ReactionType, ReactionTypeEmoji, Update
from telegram.constants import ReactionEmoji

from bot.telegram.bot_context import BotContext, command_message
from bot.telegram.commands.forget_command import ForgetCommand
from bot.telegram.commands.why_command import WhyCommand
from bot.telegram.gate.gate import HandlerContext
from bot.telegram.place import place_of
from bot.telegram.turn_records import TurnRecord
from bot.telegram.turns.approval_buttons import ApprovalButtons
from bot.telegram.turns.turn_presenter import PRESSED, AnswerButton, TurnPresenter
from bot.telegram.turns.turn_request import Corrections, WrongTurn
from memory.episodic.log.feedback_log import Feedback
from memory.errors import NothingToDecide, OwnerMismatch
from memory.models import SUPERSEDED

GOOD = {
    ReactionEmoji.THUMBS_UP,
    ReactionEmoji.RED_HEART,
    ReactionEmoji.FIRE,
    ReactionEmoji.HUNDRED_POINTS_SYMBOL,
}
BAD = {ReactionEmoji.THUMBS_DOWN}


@dataclass(frozen=True, slots=True)
class AnswerPress:
    """Handles the buttons under an answer."""

    context: BotContext
    why: WhyCommand
    forget: ForgetCommand

    async def __call__(self, update: Update, _: HandlerContext) -> None:
        """Handle a press; one that has no effect is explained in an alert."""
        query = update.callback_query
        if query is None or not query.data or not isinstance(query.message, Message):
            return
        button = AnswerButton(query.data.removeprefix(f"{PRESSED}:"))
        if button is AnswerButton.NOTHING:
            await self._drop_correction(update, query, query.message)
            return
        update_id = await self.context.records.update_of_answer(
            query.message.chat.id, query.message.message_id
        )
        record = await self.context.records.turn(update_id)
        refused = await self._refusal(query, query.message, record)
        if not refused and update_id is not None:
            refused = await self._carry_out(button, update, query.message, record, update_id)
        await self.context.toast(update, self.context.say(update)(refused) if refused else "", alert=True)

    async def cancel(self, update: Update, _: HandlerContext) -> None:
        """Handle /cancel: stop expecting a correction."""
        message, user = command_message(update), update.effective_user
        dropped = user is not None and await Corrections(self.context).drop(place_of(message), user.id)
        await self.context.reply(update, "correction_none" if dropped else "correction_gone")

    async def _refusal(self, query: CallbackQuery, message: Message, record: TurnRecord) -> str:
        """Return the key of the reason why a press has no effect; empty if it has one."""
        place = place_of(message)
        if not record.turn_id or record.owner != await self.context.owner(place):
            return "answer_gone"
        if not place.private and record.asker != query.from_user.id:
            return "answer_not_yours"
        return "" if await self.context.episode(record.turn_id, record.owner) else "answer_gone"

    async def _carry_out(
        self, button: AnswerButton, update: Update, message: Message, record: TurnRecord, update_id: int
    ) -> str:
        """Do what a button says; return the key of the reason if that is not possible."""
        match button:
            case AnswerButton.WHY:
                return "" if await self.why.of_turn(update, record.turn_id, record.owner) else "why_gone"
            case AnswerButton.WRONG:
                return await self._wrong(update, message, record, update_id)
            case _ if not await self.context.trusts(update):
                return "access_only"
            case _:
                await self.forget.ask_turn(update, record.turn_id, record.owner)
                return ""

    async def _wrong(self, update: Update, message: Message, record: TurnRecord, update_id: int) -> str:
        """Rate the answer as bad, and ask for a correction."""
        episode = await self.context.episode(record.turn_id, record.owner)
        user, say = update.effective_user, self.context.say(update)
        if episode is None or user is None or SUPERSEDED in episode.tags:
            return "answer_replaced"
        label = Feedback(turn_id=record.turn_id, good=False, decisions=record.decisions, at=datetime.now(UTC))
        await self.context.agent.layers.feedback.put(label, owner=record.owner)
        answer = await self.context.answer(update, message)
        button = InlineKeyboardMarkup([[AnswerButton.NOTHING.drawn(say)]])
        await answer.finish(say("correction_ask"), button)
        asked = (await self.context.records.turn(update.update_id)).shown
        wrong = WrongTurn(
            update_id=update_id,
            turn_id=record.turn_id,
            owner=record.owner,
            after=max(asked, default=message.message_id),
        )
        await Corrections(self.context).expect(place_of(message), user.id, wrong, update.update_id)
        return ""

    async def _drop_correction(self, update: Update, query: CallbackQuery, question: Message) -> None:
        say = self.context.say(update)
        if await Corrections(self.context).drop(place_of(question), query.from_user.id):
            await self.context.close(question, say("correction_none"))
            await self.context.toast(update, "")
        else:
            await self.context.toast(update, say("correction_gone"), alert=True)


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


@dataclass(frozen=True, slots=True)
class Reactions:
    """Stores reactions to the bot's answers."""

    context: BotContext

    async def __call__(self, update: Update, _: HandlerContext) -> None:
        """Store the feedback of a reaction; remove it when the reaction is removed."""
        reaction = update.message_reaction
        if reaction is None:
            return
        update_id = await self.context.records.update_of_answer(reaction.chat.id, reaction.message_id)
        record = await self.context.records.turn(update_id)
        if not record.turn_id:
            return
        feedback = self.context.agent.layers.feedback
        emojis, before = _judgements(reaction.new_reaction), _judgements(reaction.old_reaction)
        if not emojis:
            if before:
                await feedback.remove(record.turn_id, owner=record.owner)
            return
        label = Feedback(
            turn_id=record.turn_id,
            good=not emojis & BAD,
            decisions=record.decisions,
            at=reaction.date,
        )
        await feedback.put(label, owner=record.owner)


def _judgements(reactions: Sequence[ReactionType]) -> set[str]:
    """Return the reactions that count as good or bad."""
    emojis = {one.emoji for one in reactions if isinstance(one, ReactionTypeEmoji)}
    return {emoji for emoji in emojis if emoji in GOOD | BAD}
