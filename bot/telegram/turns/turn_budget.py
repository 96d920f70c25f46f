"""The day's budget in a turn: a word before it is used up, and then memories in place of an answer."""

from dataclasses import dataclass, replace

from bot.presentation.budget_text import used_text
from bot.telegram.bot_context import BotContext, Say
from bot.telegram.reminders.reminder_turn import TurnExtras


@dataclass(frozen=True, slots=True)
class TurnBudget:
    """The budget of the owner of a turn."""

    context: BotContext
    owner: str
    turn_id: str

    async def before(self, extras: TurnExtras, say: Say, *, private: bool) -> TurnExtras:
        """Count a request to the model; above the budget, the memories themselves are the answer."""
        if extras.answer is not None or not self.context.settings.model:
            return extras
        guard = self.context.guard
        if await guard.admit(self.turn_id, owner=self.owner):
            return extras
        used = used_text(await guard.used(owner=self.owner), guard.budget, say)
        key = "budget_used_up_private" if private else "budget_used_up"
        return replace(extras, answer="", note=_joined(extras.note, say(key, used=used)))

    async def after(self, extras: TurnExtras, say: Say) -> TurnExtras:
        """Say once a day that little is left."""
        guard = self.context.guard
        if extras.answer is not None or not await guard.must_warn(self.turn_id, owner=self.owner):
            return extras
        used = used_text(await guard.used(owner=self.owner), guard.budget, say)
        return replace(extras, note=_joined(extras.note, say("budget_near", used=used)))


def _joined(*notes: str) -> str:
    return "\n\n".join(filter(None, notes))
