"""Completion of a job: archive, conversation, notice to the chat, and clean-up."""

from dataclasses import dataclass
from datetime import UTC, datetime

from langgraph.checkpoint.base import BaseCheckpointSaver

from graph.delegation.job import Job, Status
from graph.delegation.jobs import Jobs, ref_of
from graph.delegation.notices import ENDED, Notices
from memory.models import FOREIGN, Episode
from nodes.turn_writer import TurnWriter

DELEGATED = "delegated"
"""Tag of a job's episode."""


@dataclass(frozen=True, slots=True)
class JobCompletion:
    """Ends jobs. Every step can be repeated: each is idempotent by the job's id."""

    jobs: Jobs
    notices: Notices
    saver: BaseCheckpointSaver[str]
    writer: TurnWriter

    async def archive(self, job: Job, result: str) -> None:
        """Append a finished job as one episode and as a turn of its thread's conversation.

        Both are marked as foreign: the result may quote pages that workers read.
        """
        episode = Episode(
            turn_id=job.turn_id,
            owner=job.owner,
            thread=job.thread,
            message=job.task,
            reply=result,
            at=datetime.now(UTC),
            tags=(DELEGATED, FOREIGN, *job.tags),
        )
        await self.writer.write(episode)

    async def end(self, job: Job, status: Status, *, result: str = "", reason: str = "") -> None:
        """End a job and do everything that follows; of a job erased meanwhile nothing is stored."""
        if status is Status.DONE and await self.jobs.read(ref_of(job)) is not None:
            await self.archive(job, result)
        await self.jobs.end(ref_of(job), status, result=result, reason=reason)
        await self.settle(job)

    async def settle(self, job: Job) -> None:
        """Send the notice of an ended job, delete its checkpoints and take it off the list of open jobs."""
        await self.notices.put(job, ENDED)
        await self.saver.adelete_thread(job.turn_id)
        await self.jobs.unlist(ref_of(job))
