"""/jobs and /stop, and the texts of a job's progress and result."""

from collections.abc import Sequence
from dataclasses import dataclass

from telegram import Message, Update

from bot.printable import Say, snippet
from bot.telegram.bot_context import BotContext, command_message, command_text
from bot.telegram.gate.gate import Handler, HandlerContext
from bot.telegram.outbox.message_format import with_closed_code
from bot.telegram.place import place_of
from bot.telegram.texts import escape, inline_code
from graph.delegation.job import Job, Milestone, Status

_LISTED = 10


@dataclass(frozen=True, slots=True)
class JobCommands:
    """List and stop the owner's background jobs."""

    context: BotContext

    def commands(self) -> dict[str, Handler]:
        return {"jobs": self.jobs, "stop": self.stop}

    async def jobs(self, update: Update, _: HandlerContext) -> None:
        """List the latest jobs, or show one."""
        say, owner = self.context.say(update), await self.context.owner_of(update)
        registry, name = self.context.agent.layers.delegation.jobs, command_text(command_message(update))
        if name:
            job = await registry.find(name, owner=owner)
            detailed = await self.context.sees_details(place_of(command_message(update)))
            unknown = say("job_unknown", job=inline_code(name))
            await self.context.send(update, job_text(job, say, detailed=detailed) if job else unknown)
            return
        found = await registry.latest(owner=owner, most=_LISTED)
        await self.context.send(update, _job_list(found, say) if found else say("jobs_none"))

    async def stop(self, update: Update, _: HandlerContext) -> None:
        """Stop the named job; without a name, the answer that is being written, or the only open job."""
        message, say = command_message(update), self.context.say(update)
        owner = await self.context.owner_of(update)
        delegation, name = self.context.agent.layers.delegation, command_text(message)
        if not name and await self._stop_answer(update, message):
            return
        jobs = await delegation.jobs.named_or_open(name, owner=owner)
        if not jobs:
            text = say("job_unknown", job=inline_code(name)) if name else say("jobs_none_open")
        elif len(jobs) > 1:
            text = f"{say('stop_which')}\n\n{_job_list(jobs, say)}"
        elif await delegation.stop(jobs[0].job_id, owner=owner):
            text = say("job_stopping", task=inline_code(snippet(jobs[0].task)))
        else:
            text = say("job_ended_already", task=inline_code(snippet(jobs[0].task)))
        await self.context.send(update, text)

    async def _stop_answer(self, update: Update, message: Message) -> bool:
        """Stop the running turn, once per update; its answer says so."""
        if not (await self.context.records.turn(update.update_id)).sent:
            if not await self.context.records.stop_running(place_of(message).lane):
                return False
            await self.context.records.mark_sent(update.update_id)
        return True


def progress_text(job: Job, say: Say) -> str:
    """Return a job's progress as Markdown."""
    mark = {Status.DONE: "✅", Status.STOPPED: "⏹", Status.FAILED: "⚠️"}.get(job.status, "⏳")
    lines = [f"{mark} {say('job_title', task=inline_code(snippet(job.task)), job=job.name)}"]
    return "\n".join([*lines, *(f"- {_progress_line(one, say)}" for one in job.progress)])


def result_text(job: Job, say: Say, *, detailed: bool) -> str:
    """Return the result of a job that has ended, as Markdown; `detailed` gives the reason of a failure."""
    task = inline_code(snippet(job.task))
    if job.status is Status.DONE:
        return f"{say('job_done', task=task)}\n\n{job.result}"
    if job.status is Status.FAILED:
        reason = escape(job.reason) if detailed else say("job_failed_plain")
        title = say("job_failed", task=task, reason=reason)
    else:
        title = say("job_stopped", task=task)
    if not job.result:
        return title
    return f"{title}\n\n{say('job_until_then')}\n\n{with_closed_code(job.result)}"


def job_text(job: Job, say: Say, *, detailed: bool) -> str:
    """Return a job's progress and, once it has ended, its result."""
    progress = progress_text(job, say)
    return progress if job.is_open else f"{progress}\n\n{result_text(job, say, detailed=detailed)}"


def _progress_line(progress: Milestone, say: Say) -> str:
    return say(f"job_{progress.code}", about=inline_code(progress.about))


def _job_list(jobs: Sequence[Job], say: Say) -> str:
    return "\n".join(
        f"- `{job.name}` {say(f'job_is_{job.status}')}: {inline_code(snippet(job.task))}" for job in jobs
    )
