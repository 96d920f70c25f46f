"""Tokens that each owner's calls of the model take: their count, and the budget of a day."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo

from langchain_core.messages import AIMessageChunk, AnyMessage
from langchain_core.tools import BaseTool

from graph.model.model_window import request_size
from memory.errors import GoatError
from memory.prompt.token_budget import TokenCounter
from memory.working.redis_usage import NEAR, DayBudget, RedisUsage, Usage

_DELAY = 0.5
"""Seconds before a call is counted, so that the turn is archived first."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TokenMeter:
    """Counts calls in the background, so that no turn waits; its errors are logged."""

    usage: RedisUsage
    tokens: TokenCounter
    zone: tzinfo
    clock: Callable[[], datetime]
    _running: "dict[asyncio.Task[None], asyncio.Event]" = field(default_factory=dict)
    """Each with the event that ends its delay."""

    @property
    def today(self) -> date:
        """Return the day in the configured zone."""
        return self.clock().astimezone(self.zone).date()

    def count(
        self, owner: str, prompt: Sequence[AnyMessage], tools: Mapping[str, BaseTool], answer: AIMessageChunk
    ) -> None:
        """Count a call: as the endpoint says, else by an estimate; `flush` waits for it."""
        hurry = asyncio.Event()
        task = asyncio.create_task(self._count(hurry, owner, prompt, tools, answer))
        self._running[task] = hurry
        task.add_done_callback(self._running.pop)

    async def flush(self) -> None:
        """Wait for the calls counted on this event loop."""
        loop = asyncio.get_running_loop()
        running = {task: hurry for task, hurry in self._running.items() if task.get_loop() is loop}
        for hurry in running.values():
            hurry.set()
        if running:
            await asyncio.wait(running)

    async def _count(
        self,
        hurry: asyncio.Event,
        owner: str,
        prompt: Sequence[AnyMessage],
        tools: Mapping[str, BaseTool],
        answer: AIMessageChunk,
    ) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DELAY):
                await hurry.wait()
        try:
            if told := answer.usage_metadata:
                taken = told["total_tokens"]
            else:
                count = await self.tokens.ready()
                taken = await asyncio.to_thread(request_size, [*prompt, answer], tools, count)
            await self.usage.add_tokens(taken, owner=owner, day=self.today)
        except GoatError as error:
            logger.warning("The tokens of a call are not counted: %s", error)


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
