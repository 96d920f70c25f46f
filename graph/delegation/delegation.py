"""The parts of delegation, created on first use."""

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property

from langchain_core.tools import BaseTool

from graph.checkpoint.redis_saver import RedisSaver
from graph.checkpoint.thread_leases import LEASE_SECONDS, ThreadLeases
from graph.delegation.completion import JobCompletion
from graph.delegation.delegation_tools import DelegationTools
from graph.delegation.jobs import Jobs
from graph.delegation.notices import Notices
from graph.delegation.pipeline import build_pipeline
from graph.delegation.role_call import JobStops
from graph.delegation.runner import JobRunner
from graph.delegation.state import Budget, job_serde, job_turn_id
from graph.model.model_call import ModelCall
from graph.settings.tool_settings import DelegationSettings
from memory.errors import ThreadBusy
from memory.working.redis_connection import GetRedis
from nodes.tools import Tools
from nodes.turn_writer import TurnWriter

_CHECKPOINTS = 3
_LONGEST_END = LEASE_SECONDS + 2.0
"""Seconds after which nobody works on an erased job, even if its machine has crashed."""
_RETRY_SECONDS = 0.1
logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Delegation:
    settings: DelegationSettings
    client: GetRedis
    ask: ModelCall
    call_tools: Tools
    writer: TurnWriter

    @cached_property
    def jobs(self) -> Jobs:
        return Jobs(self.client)

    @cached_property
    def notices(self) -> Notices:
        return Notices(self.client)

    @cached_property
    def _leases(self) -> ThreadLeases:
        return ThreadLeases(self.client)

    @cached_property
    def _saver(self) -> RedisSaver:
        return RedisSaver(self.client, keep=_CHECKPOINTS, serde=job_serde())

    @cached_property
    def runner(self) -> JobRunner:
        """The worker that runs jobs in this process."""
        stops = JobStops()
        ask, tools = replace(self.ask, stops=stops), replace(self.call_tools, stops=stops)
        completion = JobCompletion(self.jobs, self.notices, self._saver, self.writer)
        return JobRunner(build_pipeline(ask, tools, self._saver), completion, self._leases, stops)

    def tools(self) -> list[BaseTool]:
        """Return the delegation tools; none without a model or when no jobs are allowed."""
        given = self.settings
        if not self.ask.model.name or not given.delegate_jobs:
            return []
        budget = Budget(
            calls=given.delegate_calls, tools=given.delegate_tools, seconds=given.delegate_seconds
        )
        return DelegationTools(self.jobs, self.wake, budget, given.delegate_jobs).all()

    def begin(self) -> None:
        """Start the runner, which also takes over jobs of ended processes; does nothing without a model."""
        if self.ask.model.name:
            self.runner.begin()

    def wake(self) -> None:
        self.runner.wake()

    async def stop(self, job_id: str, *, owner: str) -> bool:
        """Request a stop of the owner's job; return False when there is nothing to stop."""
        stopping = await self.jobs.stop(job_id, owner=owner)
        self.wake()
        return stopping

    async def erase(self, *, owner: str) -> None:
        """Delete the owner's jobs with their checkpoints, and wait until nobody works on them any more.

        A job that was ending meanwhile may have been archived: erase the archive after this.
        """
        erased = await self.jobs.erase(owner=owner)
        await self.notices.erase(owner=owner)
        for job_id in erased:
            await self._clear(job_turn_id(job_id))

    async def _clear(self, thread: str) -> None:
        """Delete a job's checkpoints, once its worker has noticed that the job is gone."""
        until = time.monotonic() + _LONGEST_END
        while time.monotonic() < until:
            with suppress(ThreadBusy):
                async with self._leases.hold(thread):
                    await self._saver.adelete_thread(thread)
                return
            await asyncio.sleep(_RETRY_SECONDS)
        logger.warning("An erased job does not end: its checkpoints may remain")

    async def aclose(self) -> None:
        """Stop the runner; its jobs stay open for the next process."""
        if "runner" in vars(self):
            await self.runner.aclose()
