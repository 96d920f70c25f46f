"""The background worker for jobs: any process may run any job, one process at a time."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, cast

from langchain_core.runnables import RunnableConfig

from graph.checkpoint.thread_leases import ThreadLeases
from graph.delegation.completion import JobCompletion
from graph.delegation.job import Job, Status, progress_of
from graph.delegation.jobs import Ref, ref_of
from graph.delegation.pipeline import JobGraph, partial_result
from graph.delegation.role_call import JobStops
from graph.delegation.state import JobInput, Spent, job_turn_id
from memory.concurrency.tasks import end
from memory.errors import GoatError, MemoryTierError, ThreadBusy, TierUnavailable

MOST_TRIES = 3
"""Failures after which a job is given up."""
MOST_BEGUN = 12
"""Starts after which a job is given up: so many mean that it kills its processes."""
MOST_AT_ONCE = 8
"""Jobs that one process runs concurrently."""
ENDS_PROCESSES = f"It was begun {MOST_BEGUN} times, and never ended."
_MOST_STEPS = 1000
"""LangGraph's recursion limit, far above any budget."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Intervals of a runner, in seconds."""

    look: float = 5.0
    """Between looks for jobs that other processes left."""
    beat: float = 0.5
    """Between checks whether a job should stop."""
    pause: float = 2.0
    """Before the first retry of a failed job; twice as long before the second."""


class JobStopped(Exception):
    """A stop of the job was requested, or the job is gone."""


@dataclass(slots=True)
class JobRunner:
    """Runs open jobs until the process ends; unfinished ones stay open for the next process."""

    graph: JobGraph
    completion: JobCompletion
    leases: ThreadLeases
    stops: JobStops
    pace: Pace = field(default_factory=Pace)
    _loop_task: "asyncio.Task[None] | None" = None
    _bell: asyncio.Event = field(default_factory=asyncio.Event)
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_AT_ONCE))
    _working: "dict[str, asyncio.Task[None]]" = field(default_factory=dict)

    def begin(self) -> None:
        """Start looking for jobs on this event loop, unless started already."""
        loop, looking = asyncio.get_running_loop(), self._loop_task
        if looking is not None and not looking.done() and looking.get_loop() is loop:
            return
        self._bell, self._slots, self._working = asyncio.Event(), asyncio.Semaphore(MOST_AT_ONCE), {}
        self._loop_task = loop.create_task(self._look(), name="jobs", context=Context())

    def wake(self) -> None:
        self.begin()
        self._bell.set()

    async def aclose(self) -> None:
        tasks = [*self._working.values(), *([self._loop_task] if self._loop_task else [])]
        own = [task for task in tasks if task.get_loop() is asyncio.get_running_loop()]
        await end(*own)
        self._loop_task = None

    async def _look(self) -> None:
        while True:
            self._bell.clear()
            try:
                for ref in await self.completion.jobs.open():
                    self._take_up(ref)
            except GoatError as error:
                logger.warning("Jobs cannot be read: %s", error)
            try:
                async with asyncio.timeout(self.pace.look):
                    await self._bell.wait()
            except TimeoutError:
                continue

    def _take_up(self, ref: Ref) -> None:
        if ref.id not in self._working:
            task = asyncio.create_task(self._work(ref), name=f"job {ref.id}", context=Context())
            self._working[ref.id] = task
            task.add_done_callback(lambda _: self._working.pop(ref.id, None))

    async def _work(self, ref: Ref) -> None:
        """Work on a job unless another process does; errors leave it for the next look."""
        try:
            async with self._slots, self.leases.hold(job_turn_id(ref.id)):
                await self._advance(ref)
        except ThreadBusy:
            return
        except GoatError as error:
            logger.warning("A job waits: %s", error)
        except Exception:  # the edge of a background task: the others go on
            logger.exception("A job could not be run")

    async def _advance(self, ref: Ref) -> None:
        completion, job = self.completion, await self.completion.jobs.read(ref)
        if job is None:
            await self._clean_up(ref)
        elif not job.is_open:
            await completion.settle(job)
        elif job.stopping:
            await self._give_up(job, Status.STOPPED)
        elif await completion.jobs.begin(ref) > MOST_BEGUN:
            await self._give_up(job, Status.FAILED, ENDS_PROCESSES)
        else:
            await self._run(job)

    async def _clean_up(self, ref: Ref) -> None:
        """Clean up after a job that was erased or never stored."""
        if not await self.completion.jobs.is_new(ref):
            await self.completion.saver.adelete_thread(job_turn_id(ref.id))
            await self.completion.jobs.unlist(ref)

    async def _run(self, job: Job) -> None:
        """Run a job; an unavailable tier or the end of this process does not count as a start."""
        try:
            await self._run_until_done(job)
        except (TierUnavailable, asyncio.CancelledError):
            with suppress(GoatError):
                await self.completion.jobs.undo_begin(ref_of(job))
            raise

    async def _run_until_done(self, job: Job) -> None:
        try:
            while not await self._try_once(job):
                job = await self.completion.jobs.read(ref_of(job)) or job
        except JobStopped:
            await self._give_up(job, Status.STOPPED)

    async def _try_once(self, job: Job) -> bool:
        """Run a job's graph; return False when it failed and is to be retried.

        Raises:
            JobStopped: a stop was requested, or the job is gone.
        """
        try:
            result = await self._run_graph(job)
        except (MemoryTierError, JobStopped):
            raise
        except Exception as error:  # the edge of a job: any failure is retried, then given up
            logger.warning("A job failed", exc_info=not isinstance(error, GoatError))
            reason = str(error) if isinstance(error, GoatError) else type(error).__name__
            return await self._fail_or_wait(job, reason)
        await self.completion.end(job, Status.DONE, result=result)
        return True

    async def _fail_or_wait(self, job: Job, reason: str) -> bool:
        """Count a failure and give up after `MOST_TRIES`; otherwise wait and return False.

        Raises:
            JobStopped: a stop was requested, or the job is gone.
        """
        tries = await self.completion.jobs.count_failure(ref_of(job))
        if tries >= MOST_TRIES:
            await self._give_up(job, Status.FAILED, reason)
            return True
        until = time.monotonic() + self.pace.pause * tries
        while (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left, self.pace.beat))
            if not await self._should_continue(job, 0.0):
                raise JobStopped
        return False

    async def _run_graph(self, job: Job) -> str:
        """Run the job's graph, watching for stop requests and the time limit.

        Raises:
            JobStopped: a stop was requested, or the job is gone.
        """
        turn_id = job.turn_id
        with self.stops.accept(turn_id):
            running = asyncio.create_task(self._result(job))
            try:
                began = beat = time.monotonic()
                while not running.done():
                    await asyncio.wait({running}, timeout=self.pace.beat)
                    now = time.monotonic()
                    if not await self._should_continue(job, now - beat):
                        raise JobStopped
                    beat = now
                    if job.seconds + now - began >= job.budget.seconds:
                        self.stops.request(turn_id)
                return running.result()
            finally:
                await end(running)

    async def _should_continue(self, job: Job, seconds: float) -> bool:
        """Count working time; return False when the job must stop, True while Redis is unavailable."""
        try:
            return await self.completion.jobs.beat(ref_of(job), seconds)
        except MemoryTierError:
            return True

    async def _result(self, job: Job) -> str:
        config = _config(job)
        values: Any = (await self.graph.aget_state(config)).values
        given: JobInput | None = None if values else {"assignment": job.assignment}
        stream = self.graph.astream(given, config, stream_mode=["updates", "values"], durability="sync")
        async with aclosing(cast("AsyncGenerator[Any, None]", stream)):
            async for mode, event in stream:
                if mode == "updates":
                    await self._report(job, event, values)
                else:
                    values = event
                    await self.completion.jobs.set_spent(ref_of(job), values.get("spent", Spent()))
        return str(values["result"])

    async def _report(self, job: Job, update: Any, values: dict[str, Any]) -> None:
        for progress in progress_of(update, values):
            if await self.completion.jobs.add_progress(ref_of(job), progress):
                await self.completion.notices.put(job, progress.name)

    async def _give_up(self, job: Job, status: Status, reason: str = "") -> None:
        """End a job with the findings so far."""
        if reason:
            logger.warning("A job was given up: %s", reason)
        result = partial_result((await self.graph.aget_state(_config(job))).values)
        await self.completion.end(job, status, result=result, reason=reason)


def _config(job: Job) -> RunnableConfig:
    return {"configurable": {"thread_id": job.turn_id}, "recursion_limit": _MOST_STEPS}
