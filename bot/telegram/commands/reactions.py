"""Reactions to answers, stored as feedback together with the turn's recall decisions."""

from collections.abc import Sequence
from dataclasses import dataclass

from telegram import ReactionType, ReactionTypeEmoji, Update
from telegram.constants import ReactionEmoji

from bot.telegram.bot_context import BotContext
from bot.telegram.gate.gate import HandlerContext
from memory.episodic.log.feedback_log import Feedback

GOOD = {
    ReactionEmoji.THUMBS_UP,
    ReactionEmoji.RED_HEART,
    ReactionEmoji.FIRE,
    ReactionEmoji.HUNDRED_POINTS_SYMBOL,
}
BAD = {ReactionEmoji.THUMBS_DOWN}


@dataclass(frozen=True, slots=True)
class Reactions:
    """Store reactions to the bot's answers."""

    context: BotContext

    async def __call__(self, update: Update, _: HandlerContext) -> None:
        """Store the feedback of a reaction; remove it when the reaction is removed."""
        reaction = update.message_reaction
        if reaction is None:
            return
        update_id = await self.context.records.update_of_answer(reaction.chat.id, reaction.message_id)
        if update_id is None:
            return
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
