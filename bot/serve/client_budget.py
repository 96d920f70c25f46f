"""The day's budget of an owner, as for people in Telegram."""

from dataclasses import dataclass

from bot.presentation.usage_figures import used_text
from graph.layers import Layers
from graph.model.token_meter import BudgetGuard
from memory.working.redis_usage import DayBudget

_TEXTS = {"budget_requests": "{used} of {most} messages", "budget_tokens": "{used} of {most} tokens"}


@dataclass(frozen=True, slots=True)
class ClientBudget:
    """The budget of a token's owner."""

    layers: Layers
    owner: str

    async def refusal(self, turn_id: str = "") -> str:
        """Return why the model may not be asked today, or ""; with a `turn_id`, count its message."""
        guard = self._guard
        if turn_id:
            allowed = await guard.admit(turn_id, owner=self.owner)
        else:
            allowed = guard.budget.share(await guard.used(owner=self.owner)) < 1
        if allowed:
            return ""
        used = used_text(await guard.used(owner=self.owner), guard.budget, _say)
        return f"Today's budget of this memory is used up ({used}), so the model did not answer."

    @property
    def _guard(self) -> BudgetGuard:
        settings = self.layers.settings
        budget = DayBudget(settings.telegram_budget_tokens, settings.telegram_budget_requests)
        return BudgetGuard(self.layers.usage, self.layers.meter, budget)


def _say(key: str, /, **values: object) -> str:
    return _TEXTS[key].format(**values)
