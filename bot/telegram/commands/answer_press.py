"""Presses of the buttons under answers, and /cancel."""

from dataclasses import dataclass
from datetime import UTC, datetime

from telegram import CallbackQuery, Message, Update

from bot.telegram.bot_context import BotContext, command_message
from bot.telegram.commands.forget_command import ForgetCommand
from bot.telegram.commands.why_command import WhyCommand
from bot.telegram.gate.answered_question import close_question
from bot.telegram.gate.gate import HandlerContext
from bot.telegram.place import place_of
from bot.telegram.turn_records import TurnRecord
from bot.telegram.turns.answer_buttons import PRESSED, AnswerButton, nothing_button
from bot.telegram.turns.corrections import Corrections, WrongTurn
from memory.episodic.log.feedback_log import Feedback
from memory.models import SUPERSEDED


@dataclass(frozen=True, slots=True)
class AnswerPress:
    """Carries out what the buttons under an answer say."""

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
        record = await self.context.records.turn(update_id) if update_id is not None else TurnRecord()
        refused = await self._refusal(query, query.message, record)
        if not refused and update_id is not None:
            refused = await self._carry_out(button, update, query.message, record, update_id)
        await self.context.toast(update, self.context.say(update)(refused) if refused else "", alert=True)

    async def cancel(self, update: Update, _: HandlerContext) -> None:
        """Handle /cancel: expect no correction any more."""
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
        """Label what was shown as not helpful, and ask for what is right."""
        episode = await self.context.episode(record.turn_id, record.owner)
        user, say = update.effective_user, self.context.say(update)
        if episode is None or user is None or SUPERSEDED in episode.tags:
            return "answer_replaced"
        label = Feedback(turn_id=record.turn_id, good=False, decisions=record.decisions, at=datetime.now(UTC))
        await self.context.agent.layers.feedback.put(label, owner=record.owner)
        answer = await self.context.answer(update, message)
        await answer.finish(say("correction_ask"), nothing_button(say))
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
            await close_question(self.context, question, say("correction_none"))
            await self.context.toast(update, "")
        else:
            await self.context.toast(update, say("correction_gone"), alert=True)
