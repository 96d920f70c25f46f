"""Delegated work in the chat: /jobs, /stop, and how its progress and its end are said."""

from collections.abc import Sequence
from dataclasses import dataclass

from telegram import Update

from bot.printable import snippet
from bot.telegram.bot_context import BotContext, Say, asked_by, command_text
from bot.telegram.gate.gate import Context, Handler
from bot.telegram.outbox.message_format import with_closed_code
from bot.telegram.place import place_of
from bot.telegram.texts import escaped, verbatim
from graph.delegation.job import Job, Progress, Status

_LISTED = 10


@dataclass(frozen=True, slots=True)
class JobCommands:
    """List and stop jobs of the chat's owner."""

    desk: BotContext

    def commands(self) -> dict[str, Handler]:
        """Return what each command does."""
        return {"jobs": self.jobs, "stop": self.stop}

    async def jobs(self, update: Update, _: Context) -> None:
        """List the latest jobs, or show one."""
        say, owner = self.desk.say(update), await self._owner(update)
        registry, name = self.desk.agent.layers.delegation.jobs, command_text(asked_by(update))
        if name:
            job = await registry.find(name, owner=owner)
            await self._finish(update, described(job, say) if job else say("job_unknown", job=verbatim(name)))
            return
        found = await registry.latest(owner=owner, most=_LISTED)
        await self._finish(update, _listed(found, say) if found else say("jobs_none"))

    async def stop(self, update: Update, _: Context) -> None:
        """Stop the job that is named, or the only one that is open."""
        say, owner = self.desk.say(update), await self._owner(update)
        delegation, name = self.desk.agent.layers.delegation, command_text(asked_by(update))
        if name:
            job = await delegation.jobs.find(name, owner=owner)
            meant = [job] if job else []
        else:
            meant = [job for job in await delegation.jobs.latest(owner=owner) if job.is_open]
        if not meant:
            text = say("job_unknown", job=verbatim(name)) if name else say("jobs_none_open")
        elif len(meant) > 1:
            text = f"{say('stop_which')}\n\n{_listed(meant, say)}"
        elif await delegation.stop(meant[0].id, owner=owner):
            text = say("job_stopping", task=verbatim(snippet(meant[0].task)))
        else:
            text = say("job_ended_already", task=verbatim(snippet(meant[0].task)))
        await self._finish(update, text)

    async def _owner(self, update: Update) -> str:
        return await self.desk.owner(place_of(asked_by(update)))

    async def _finish(self, update: Update, markdown: str) -> None:
        await (await self.desk.answer(update, asked_by(update))).finish(markdown)


def progress_text(job: Job, say: Say) -> str:
    """Return what a job reached so far."""
    mark = {Status.DONE: "✅", Status.STOPPED: "⏹", Status.FAILED: "⚠️"}.get(job.status, "⏳")
    lines = [f"{mark} {say('job_title', task=verbatim(snippet(job.task)), job=job.name)}"]
    return "\n".join([*lines, *(f"- {_reached(one, say)}" for one in job.progress)])


def ended_text(job: Job, say: Say) -> str:
    """Return what a job ended with."""
    task = verbatim(snippet(job.task))
    if job.status is Status.DONE:
        return f"{say('job_done', task=task)}\n\n{job.result}"
    if job.status is Status.FAILED:
        title = say("job_failed", task=task, reason=escaped(job.reason))
    else:
        title = say("job_stopped", task=task)
    if not job.result:
        return title
    return f"{title}\n\n{say('job_until_then')}\n\n{with_closed_code(job.result)}"


def described(job: Job, say: Say) -> str:
    """Return all there is to say of a job."""
    return progress_text(job, say) if job.is_open else f"{progress_text(job, say)}\n\n{ended_text(job, say)}"


def _reached(progress: Progress, say: Say) -> str:
    return say(f"job_{progress.code}", about=verbatim(progress.about))


def _listed(jobs: Sequence[Job], say: Say) -> str:
    return "\n".join(
        f"- `{job.name}` {say(f'job_is_{job.status}')}: {verbatim(snippet(job.task))}" for job in jobs
    )
