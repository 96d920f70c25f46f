"""What people think of an answer: a thumb up or down becomes a label, with what was recalled for it."""

from collections.abc import Sequence
from dataclasses import dataclass

from telegram import ReactionType, ReactionTypeEmoji, Update
from telegram.constants import ReactionEmoji

from bot.telegram.bot_context import BotContext
from bot.telegram.gate.gate import Context
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
    """Keep reactions to the bot's answers."""

    desk: BotContext

    async def __call__(self, update: Update, _: Context) -> None:
        """Keep what the reaction says of the turn; forget it when the reaction is taken back."""
        reaction = update.message_reaction
        if reaction is None:
            return
        update_id = await self.desk.records.answered_by(reaction.chat.id, reaction.message_id)
        if update_id is None:
            return
        record = await self.desk.records.turn(update_id)
        if not record.turn_id:
            return
        feedback = self.desk.agent.layers.feedback
        emojis, before = _verdicts(reaction.new_reaction), _verdicts(reaction.old_reaction)
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


def _verdicts(reactions: Sequence[ReactionType]) -> set[str]:
    """Return those reactions that judge; others say nothing of the answer."""
    emojis = {one.emoji for one in reactions if isinstance(one, ReactionTypeEmoji)}
    return {emoji for emoji in emojis if emoji in GOOD | BAD}
