"""Turns that a crash interrupted or that wait for approval."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from langgraph.types import Command, StateSnapshot

from graph.checkpoint.redis_saver import RedisSaver
from graph.delegation.state import is_job
from graph.events.approval import ABANDONED
from graph.events.snapshots import (
    as_state,
    check_owner,
    is_older_than,
    is_owned,
    is_pending,
    is_run_by_server,
    owner_of,
    turn_id_of,
    waiting_in,
    was_answered,
    was_refused,
)
from graph.events.turn_events import Event, Events, Finished, Resumed, Waiting
from graph.layers import Layers
from graph.runtime.graph_runs import GraphRuns
from graph.state.turn_state import State
from memory.errors import EmptyMessage, NothingToDecide, OwnerMismatch, ThreadBusy
from nodes.archive import matches_archive

PATIENCE = timedelta(days=7)
"""How long an approval can be given."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PendingTurns:
    """Finds and finishes pending turns; callers hold the thread."""

    runs: GraphRuns
    layers: Layers
    saver: RedisSaver

    async def threads(self) -> list[str]:
        """List threads with a pending turn, without delegated jobs."""
        return [one for one in await self.saver.apending() if not is_job(one)]

    async def finish_earlier(self, thread: str, turn_id: str, owner: str) -> Events:
        """Finish a thread's pending turn: yield `Resumed`, or for `turn_id` `Finished` or `Waiting`.

        A request to stop the turn `turn_id`, which waits for it, stops the pending one.
        """
        snapshot = await self.runs.snapshot(thread)
        check_owner(snapshot, owner)
        state = None if waiting_in(snapshot) else await self.advance(thread, turn_id)
        waiting = await self.waiting(thread, owner)
        if waiting is not None and waiting.turn_id == turn_id:
            yield waiting
        elif finished := state or await self.advance(thread, turn_id):
            yield Finished(finished) if finished["turn"].turn_id == turn_id else Resumed(finished)

    async def after_decision(self, snapshot: StateSnapshot, turn_id: str, owner: str) -> Event:
        """Return the event for a turn whose call was decided before.

        Raises:
            NothingToDecide: the turn is unknown.
        """
        if (waiting := waiting_in(snapshot)) is not None:
            return waiting
        thread = _thread_of(snapshot)
        await self.advance(thread)
        if (asked := await self.waiting(thread, owner)) is not None and asked.turn_id == turn_id:
            return asked
        stored = await self.stored(thread, turn_id, owner)
        if stored is None:
            raise NothingToDecide("This request is no longer open.")
        return Finished(stored)

    async def latest(self, thread: str) -> State | None:
        """Return the state of a thread's latest turn; for a forked turn, the archived run."""
        snapshot = await self.runs.snapshot(thread)
        if not snapshot.values:
            return None
        turn_id = turn_id_of(snapshot)
        if was_answered(snapshot, turn_id) or (
            is_pending(snapshot) and not await self.is_experiment(snapshot)
        ):
            return cast("State", snapshot.values)
        async for past in self.runs.history(thread):
            if was_answered(past, turn_id_of(past)):
                return cast("State", past.values)
        return cast("State", snapshot.values)

    async def waiting(self, thread: str, owner: str) -> Waiting | None:
        """Return the calls that need approval in a thread of the owner; None without any."""
        waiting = waiting_in(await self.runs.snapshot(thread))
        return waiting if waiting is not None and waiting.owner == owner else None

    async def stored(self, thread: str, turn_id: str, owner: str) -> State | None:
        """Return the stored state of an answered turn; None when it is not answered."""
        snapshot = await self.runs.snapshot(thread)
        if was_answered(snapshot, turn_id):
            check_owner(snapshot, owner)
            return cast("State", snapshot.values)
        for episode in await self.layers.episodes.get([turn_id], owner=owner):
            return as_state(episode)
        return None

    async def resume(self, thread: str) -> State | None:
        """Run a thread's pending turn as `advance` does, but leave recent approvals pending."""
        snapshot = await self.runs.snapshot(thread)
        if waiting_in(snapshot) and not is_older_than(snapshot, PATIENCE):
            return None
        return await self.advance(thread)

    async def finish(self, thread: str) -> State | None:
        """Finish a thread's pending turn as `advance` does, and refuse the calls that it comes to."""
        return await self.advance(thread) or await self.advance(thread)

    async def advance(self, thread: str, *followers: str) -> State | None:
        """Run a thread's pending turn to its end and return its state; None without one.

        Calls that wait for approval are refused. A turn that comes to an approval only now waits for it, and
        the result is None. A request to stop one of the turns `followers` stops it, too.

        Experiments and messages of other owners are closed: nobody waits for their replies.

        Raises:
            ThreadBusy: a LangGraph server may be running it.
        """
        snapshot = await self.runs.snapshot(thread)
        if not is_pending(snapshot):
            return None
        if is_run_by_server(snapshot):
            raise ThreadBusy("LangGraph's server is answering in this thread. Wait for it, or use /new.")
        if was_refused(snapshot):
            logger.warning("A message to another owner's thread is withdrawn: %s", thread)
            await self.runs.withdraw(thread, turn_id_of(snapshot))
            return None
        if await self.is_experiment(snapshot):
            await self.runs.close(thread)
            return None
        with self.layers.stops.accept(turn_id_of(snapshot), *followers):
            state = await self._run(snapshot)
        return cast("State", state.values) if was_answered(state, turn_id_of(state)) else None

    async def _run(self, snapshot: StateSnapshot) -> StateSnapshot:
        """Run a pending turn to its end; close and log one that can never succeed.

        The checkpoint's metadata holds the owner of a LangGraph server's run; it counts if the message has
        none.
        """
        thread = _thread_of(snapshot)
        owner = "" if is_owned(snapshot) else str((snapshot.metadata or {}).get("owner", ""))
        context = await self.layers.live.context(owner)
        given = await self._abandon_calls(snapshot)
        try:
            async for _ in self.runs.run(turn_id_of(snapshot), given, thread, context):
                pass
        except (EmptyMessage, OwnerMismatch) as error:
            logger.warning("A pending turn cannot be answered and is closed: %s", error)
            await self.runs.close(thread)
        return await self.runs.snapshot(thread)

    async def is_experiment(self, snapshot: StateSnapshot) -> bool:
        """Return True when the pending turn began as an experiment or forks a turn that is archived."""
        turn, turn_id = snapshot.values.get("turn"), turn_id_of(snapshot)
        if turn is not None and turn.turn_id == turn_id and turn.experiment:
            return True
        archived = await self.layers.episodes.get([turn_id], owner=owner_of(snapshot))
        return bool(archived) and not matches_archive(cast("State", snapshot.values), archived[0])

    async def _abandon_calls(self, snapshot: StateSnapshot) -> Command[Any] | None:
        """Return the command that refuses the pending calls; None without any."""
        waiting = waiting_in(snapshot)
        if waiting is None:
            return None
        for approval in waiting.approvals:
            await self.layers.tool_cache.claim(approval.key, ABANDONED, owner=waiting.owner)
        return Command(resume={approval.id: ABANDONED for approval in waiting.approvals})


def _thread_of(snapshot: StateSnapshot) -> str:
    return str(snapshot.config["configurable"]["thread_id"])
