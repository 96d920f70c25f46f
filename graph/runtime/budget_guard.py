"""The budget of an owner's day, for any front end: which requests may use the model."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from graph.model.token_meter import TokenMeter
from memory.working.redis_usage import NEAR, DayBudget, RedisUsage, Usage


@dataclass(frozen=True, slots=True)
class BudgetGuard:
    """Guards a budget of tokens and requests a day; days begin at midnight in the configured zone."""

    usage: RedisUsage
    meter: TokenMeter
    budget: DayBudget

    async def admit(self, turn_id: str, *, owner: str) -> bool:
        """Count a request; return False if the day's budget is used up. Safe to repeat for a turn."""
        await self.meter.flush()
        return await self.usage.admit(turn_id, self.budget, owner=owner, day=self.meter.today)

    async def must_warn(self, turn_id: str, *, owner: str) -> bool:
        """Return True after the first request of the day that leaves little of the budget."""
        if not (self.budget.tokens or self.budget.requests):
            return False
        await self.meter.flush()
        day = self.meter.today
        near = self.budget.share(await self.usage.of(day, owner=owner)) >= NEAR
        return near and await self.usage.is_told(turn_id, owner=owner, day=day)

    async def used(self, *, owner: str) -> Usage:
        """Return what an owner used today."""
        return await self.usage.of(self.meter.today, owner=owner)

    async def by_day(self, days: int, *, owner: str) -> Sequence[tuple[date, Usage]]:
        """Return what an owner used on each of the last days, today last."""
        await self.meter.flush()
        return list((await self.usage.days(self.meter.today, days, owner=owner)).items())
