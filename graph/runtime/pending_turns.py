"""Turns that a crash cut off, or that wait for a person's word: finished, or left to wait."""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from langgraph.types import Command, StateSnapshot

from graph.checkpoint.redis_saver import RedisSaver
from graph.delegation.state import is_job
from graph.events.approval import ABANDONED
from graph.events.snapshots import (
    answered,
    as_state,
    check_owner,
    is_older_than,
    is_owned,
    is_pending,
    of_server,
    owner_of,
    turn_id_of,
    waiting_in,
    was_refused,
)
from graph.events.turn_events import Event, Finished, Resumed, Waiting
from graph.layers import Layers
from graph.runtime.graph_runs import GraphRuns
from graph.state.experiment import says_the_same
from graph.state.turn_state import State
from memory.errors import EmptyMessage, NothingToDecide, OwnerMismatch, ThreadBusy

PATIENCE = timedelta(days=7)
"""For so long what was asked can be answered."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PendingTurns:
    """Find and finish turns; to finish one, hold its thread."""

    runs: GraphRuns
    layers: Layers
    saver: RedisSaver

    async def threads(self) -> list[str]:
        """List the threads in which a turn is pending; delegated jobs are not among them."""
        return [one for one in await self.saver.apending() if not is_job(one)]

    async def earlier(self, thread: str, turn_id: str, owner: str) -> AsyncIterator[Event]:
        """Finish what is pending in a thread; anything but `Resumed` is the turn that is asked for itself."""
        if not await self.saver.ais_pending(thread):
            return
        snapshot = await self.runs.snapshot(thread)
        check_owner(snapshot, owner)
        waiting = waiting_in(snapshot)
        if waiting is not None and waiting.turn_id == turn_id:
            yield waiting
        elif finished := await self.finish(thread):
            yield Finished(finished) if finished["turn"].turn_id == turn_id else Resumed(finished)

    async def decided(self, snapshot: StateSnapshot, turn_id: str, owner: str) -> Event:
        """Return where a turn is whose call was answered before.

        Raises:
            NothingToDecide: nothing is known of the turn.
        """
        if (waiting := waiting_in(snapshot)) is not None:
            return waiting
        thread = _thread_of(snapshot)
        await self.finish(thread)
        if (asked := await self.waiting(thread, owner)) is not None and asked.turn_id == turn_id:
            return asked
        stored = await self.stored(thread, turn_id, owner)
        if stored is None:
            raise NothingToDecide("This is not open any more.")
        return Finished(stored)

    async def latest(self, thread: str) -> State | None:
        """Return the state of a thread's latest turn; of one that was gone back to, as it was archived."""
        snapshot = await self.runs.snapshot(thread)
        if not snapshot.values:
            return None
        turn_id = turn_id_of(snapshot)
        if answered(snapshot, turn_id) or (is_pending(snapshot) and not await self.is_experiment(snapshot)):
            return cast("State", snapshot.values)
        async for past in self.runs.history(thread):
            if answered(past, turn_id_of(past)):
                return cast("State", past.values)
        return cast("State", snapshot.values)

    async def waiting(self, thread: str, owner: str) -> Waiting | None:
        """Return what waits in a thread of the owner for the person's word; None when nothing does."""
        waiting = waiting_in(await self.runs.snapshot(thread))
        return waiting if waiting is not None and waiting.owner == owner else None

    async def stored(self, thread: str, turn_id: str, owner: str) -> State | None:
        """Return what is stored of an answered turn; None when it is not answered yet."""
        snapshot = await self.runs.snapshot(thread)
        if answered(snapshot, turn_id):
            check_owner(snapshot, owner)
            return cast("State", snapshot.values)
        for episode in await self.layers.episodes.get([turn_id], owner=owner):
            return as_state(episode)
        return None

    async def resume(self, thread: str) -> State | None:
        """Finish what is pending in a thread, as `finish`; but what was asked lately goes on waiting."""
        snapshot = await self.runs.snapshot(thread)
        if waiting_in(snapshot) and not is_older_than(snapshot, PATIENCE):
            return None
        return await self.finish(thread)

    async def finish(self, thread: str) -> State | None:
        """Finish what is pending in a thread; return the state of the turn, or None when there was none.

        An experiment that was left is closed: nobody waits for its reply. So is what another owner asked.

        Raises:
            ThreadBusy: a LangGraph server may still be at work on it.
        """
        snapshot = await self.runs.snapshot(thread)
        if not is_pending(snapshot):
            return None
        if of_server(snapshot):
            raise ThreadBusy("LangGraph's server is answering in this thread. Wait for it, or use /new.")
        if was_refused(snapshot):
            logger.warning("A message to a thread of another owner is withdrawn: %s", thread)
            await self.runs.withdraw(thread, turn_id_of(snapshot))
            return None
        if await self.is_experiment(snapshot):
            await self.runs.close(thread)
            return None
        state = await self._run(snapshot)
        return cast("State", state.values) if answered(state, turn_id_of(state)) else None

    async def _run(self, snapshot: StateSnapshot) -> StateSnapshot:
        """Run what is pending in a thread to its end; what can never succeed is closed, and logged.

        A LangGraph server leaves the owner that a run was given in the checkpoint's metadata; it counts where
        the message is nobody's yet.
        """
        thread = _thread_of(snapshot)
        told = "" if is_owned(snapshot) else str((snapshot.metadata or {}).get("owner", ""))
        context = await self.layers.live.context(told)
        given = await self._abandoning(snapshot)
        try:
            async for _ in self.runs.run(turn_id_of(snapshot), given, thread, context):
                pass
        except (EmptyMessage, OwnerMismatch) as error:
            logger.warning("A pending turn cannot be answered and is closed: %s", error)
            await self.runs.close(thread)
        return await self.runs.snapshot(thread)

    async def is_experiment(self, snapshot: StateSnapshot) -> bool:
        """Say whether what is pending goes back to a turn that was answered otherwise, or was asked for."""
        turn, turn_id = snapshot.values.get("turn"), turn_id_of(snapshot)
        if turn is not None and turn.turn_id == turn_id and turn.experiment:
            return True
        stands = await self.layers.episodes.get([turn_id], owner=owner_of(snapshot))
        return bool(stands) and not says_the_same(cast("State", snapshot.values), stands[0])

    async def _abandoning(self, snapshot: StateSnapshot) -> Command[Any] | None:
        """Return what lets a turn go on without the calls that wait; None when none does."""
        waiting = waiting_in(snapshot)
        if waiting is None:
            return None
        for approval in waiting.approvals:
            await self.layers.tool_cache.claim(approval.key, ABANDONED, owner=waiting.owner)
        return Command(resume={approval.id: ABANDONED for approval in waiting.approvals})


def _thread_of(snapshot: StateSnapshot) -> str:
    return str(snapshot.config["configurable"]["thread_id"])
