"""Work on jobs in the background of whatever process there is: one process a job, whoever gave it."""

import asyncio
import logging
import time
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any

from langchain_core.runnables import RunnableConfig

from graph.checkpoint.thread_leases import ThreadLeases
from graph.delegation.completion import JobCompletion
from graph.delegation.job import Job, Status
from graph.delegation.job_progress import reached
from graph.delegation.job_stops import JobStops
from graph.delegation.jobs import Ref, ref_of
from graph.delegation.pipeline import JobGraph, as_it_is
from graph.delegation.state import JobInput, Spent, job_turn_id
from memory.concurrency.deadline import end
from memory.errors import GoatError, MemoryTierError, ThreadBusy, TierUnavailable

MOST_TRIES = 3
"""Times that a job may fail."""
MOST_BEGUN = 12
"""Times that processes may begin to work on a job: more mean that it ends those that try."""
MOST_AT_ONCE = 8
"""Jobs that one process works on."""
ENDS_PROCESSES = f"It was begun {MOST_BEGUN} times, and never ended."
_MOST_STEPS = 1000
"""Of the graph, far more than any budget."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often a runner looks, in seconds."""

    look: float = 5.0
    """For jobs that another process left behind."""
    beat: float = 0.5
    """Whether a job is to stop."""
    pause: float = 2.0
    """Before a job that failed is tried again; the second time twice as long."""


class Stopped(Exception):
    """A job is to stop, or gone."""


@dataclass(slots=True)
class JobRunner:
    """Take up jobs, and work on them until the process ends; what is open then stays for the next one."""

    graph: JobGraph
    closing: JobCompletion
    leases: ThreadLeases
    stops: JobStops
    pace: Pace = field(default_factory=Pace)
    _looking: "asyncio.Task[None] | None" = None
    _bell: asyncio.Event = field(default_factory=asyncio.Event)
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_AT_ONCE))
    _working: "dict[str, asyncio.Task[None]]" = field(default_factory=dict)

    def begin(self) -> None:
        """Look for jobs from now on, in this event loop; does nothing when that is done already."""
        loop, looking = asyncio.get_running_loop(), self._looking
        if looking is not None and not looking.done() and looking.get_loop() is loop:
            return
        self._bell, self._slots, self._working = asyncio.Event(), asyncio.Semaphore(MOST_AT_ONCE), {}
        self._looking = loop.create_task(self._look(), name="jobs", context=Context())

    def wake(self) -> None:
        """Look at once."""
        self.begin()
        self._bell.set()

    async def aclose(self) -> None:
        """Let go of every job, and leave it where it is."""
        tasks = [*self._working.values(), *([self._looking] if self._looking else [])]
        own = [task for task in tasks if task.get_loop() is asyncio.get_running_loop()]
        await end(*own)
        self._looking = None

    async def _look(self) -> None:
        while True:
            self._bell.clear()
            try:
                for ref in await self.closing.jobs.open():
                    self._take_up(ref)
            except GoatError as error:
                logger.warning("No jobs are worked on: %s", error)
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
        """Work on a job, unless another process does; what cannot be done now is done at the next look."""
        try:
            async with self._slots, self.leases.hold(job_turn_id(ref.id)):
                await self._to_its_end(ref)
        except ThreadBusy:
            return
        except GoatError as error:
            logger.warning("A job waits: %s", error)
        except Exception:  # the edge of a background task: the others go on
            logger.exception("A job could not be worked on")

    async def _to_its_end(self, ref: Ref) -> None:
        closing, job = self.closing, await self.closing.jobs.read(ref)
        if job is None:
            await self._gone(ref)
        elif not job.is_open:
            await closing.settle(job)
        elif job.stopping:
            await self._stopped(job)
        elif await closing.jobs.begin(ref) > MOST_BEGUN:
            await self._failed(job, ENDS_PROCESSES)
        else:
            await self._until_done_or_let_go(job)

    async def _gone(self, ref: Ref) -> None:
        """Clear up after a job that was erased, or never stored."""
        if not await self.closing.jobs.is_new(ref):
            await self.closing.saver.adelete_thread(job_turn_id(ref.id))
            await self.closing.jobs.settled(ref)

    async def _until_done_or_let_go(self, job: Job) -> None:
        """Work on a job; that a tier is away, or this process ends, does not count as one that it ended."""
        try:
            await self._until_done(job)
        except (TierUnavailable, asyncio.CancelledError):
            with suppress(GoatError):
                await self.closing.jobs.let_go(ref_of(job))
            raise

    async def _until_done(self, job: Job) -> None:
        try:
            while not await self._tried(job):
                job = await self.closing.jobs.read(ref_of(job)) or job
        except Stopped:
            await self._stopped(job)

    async def _tried(self, job: Job) -> bool:
        """Try to do a job; return False when it is to be tried again.

        Raises:
            Stopped: it is to stop, or gone.
        """
        try:
            result = await self._attempt(job)
        except (MemoryTierError, Stopped):
            raise
        except Exception as error:  # whatever is wrong with the job, it is tried again, and then given up
            logger.warning("A job failed", exc_info=not isinstance(error, GoatError))
            reason = str(error) if isinstance(error, GoatError) else type(error).__name__
            return await self._given_up(job, reason)
        await self.closing.end(job, Status.DONE, result=result)
        return True

    async def _given_up(self, job: Job, reason: str) -> bool:
        """Fail a job that failed too often; otherwise return False, after a pause.

        Raises:
            Stopped: it is to stop, or gone.
        """
        tries = await self.closing.jobs.failed(ref_of(job))
        if tries >= MOST_TRIES:
            await self._failed(job, reason)
            return True
        until = time.monotonic() + self.pace.pause * tries
        while (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left, self.pace.beat))
            if not await self._wanted(job, 0.0):
                raise Stopped
        return False

    async def _attempt(self, job: Job) -> str:
        """Run the job's graph, and watch whether it is to stop and how long it takes.

        Raises:
            Stopped: it is to stop, or gone.
        """
        turn_id = job.assignment.turn_id
        with self.stops.accept(turn_id):
            running = asyncio.create_task(self._result(job))
            try:
                began = beat = time.monotonic()
                while not running.done():
                    await asyncio.wait({running}, timeout=self.pace.beat)
                    now = time.monotonic()
                    if not await self._wanted(job, now - beat):
                        raise Stopped
                    beat = now
                    if job.seconds + now - began >= job.budget.seconds:
                        self.stops.request(turn_id)
                return running.result()
            finally:
                await end(running)

    async def _wanted(self, job: Job, seconds: float) -> bool:
        """Say whether to go on; while Redis is away, it is."""
        try:
            return await self.closing.jobs.beat(ref_of(job), seconds)
        except MemoryTierError:
            return True

    async def _result(self, job: Job) -> str:
        config = _config(job)
        values: Any = (await self.graph.aget_state(config)).values
        given: JobInput | None = None if values else {"assignment": job.assignment}
        async for mode, event in self.graph.astream(
            given, config, stream_mode=["updates", "values"], durability="sync"
        ):
            if mode == "updates":
                await self._tell(job, event, values)
            else:
                values = event
                await self.closing.jobs.note(ref_of(job), values.get("spent", Spent()))
        return str(values["result"])

    async def _tell(self, job: Job, update: Any, values: dict[str, Any]) -> None:
        for progress in reached(update, values):
            if await self.closing.jobs.tell(ref_of(job), progress):
                await self.closing.notices.put(job, progress.name)

    async def _stopped(self, job: Job) -> None:
        await self.closing.end(job, Status.STOPPED, result=await self._so_far(job))

    async def _failed(self, job: Job, reason: str) -> None:
        logger.warning("A job failed for good: %s", reason)
        await self.closing.end(job, Status.FAILED, result=await self._so_far(job), reason=reason)

    async def _so_far(self, job: Job) -> str:
        return as_it_is((await self.graph.aget_state(_config(job))).values)


def _config(job: Job) -> RunnableConfig:
    return {"configurable": {"thread_id": job.assignment.turn_id}, "recursion_limit": _MOST_STEPS}
