"""Counting of the tokens that each owner's calls of the model take."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo

from langchain_core.messages import AIMessageChunk, AnyMessage
from langchain_core.tools import BaseTool

from graph.model.model_window import request_size
from memory.errors import GoatError
from memory.text.tokens import TokenCounter
from memory.working.redis_usage import RedisUsage

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TokenMeter:
    """Counts calls in the background, so that no turn waits; its errors are logged."""

    usage: RedisUsage
    tokens: TokenCounter
    zone: tzinfo
    clock: Callable[[], datetime]
    _running: "set[asyncio.Task[None]]" = field(default_factory=set)

    @property
    def today(self) -> date:
        """Return the day in the configured zone."""
        return self.clock().astimezone(self.zone).date()

    def count(
        self, owner: str, prompt: Sequence[AnyMessage], tools: Mapping[str, BaseTool], answer: AIMessageChunk
    ) -> None:
        """Count a call: as the endpoint says, else by an estimate; `flush` waits for it."""
        task = asyncio.create_task(self._count(owner, prompt, tools, answer))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def flush(self) -> None:
        """Wait for the calls counted on this event loop."""
        loop = asyncio.get_running_loop()
        if running := [task for task in self._running if task.get_loop() is loop]:
            await asyncio.wait(running)

    async def _count(
        self, owner: str, prompt: Sequence[AnyMessage], tools: Mapping[str, BaseTool], answer: AIMessageChunk
    ) -> None:
        told = answer.usage_metadata
        try:
            taken = told["total_tokens"] if told else await self._estimate(prompt, tools, answer)
            await self.usage.add_tokens(taken, owner=owner, day=self.today)
        except GoatError as error:
            logger.warning("The tokens of a call are not counted: %s", error)

    async def _estimate(
        self, prompt: Sequence[AnyMessage], tools: Mapping[str, BaseTool], answer: AIMessageChunk
    ) -> int:
        count = await self.tokens.ready()
        return request_size([*prompt, answer], tools, count)
