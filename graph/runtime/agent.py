"""The agent for front ends: turns that stream, resume after a crash, and run once."""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any
from weakref import WeakValueDictionary

from langchain_core.messages import HumanMessage
from langgraph.types import Command

from graph.checkpoint.redis_saver import RedisSaver
from graph.checkpoint.thread_leases import ThreadLeases
from graph.events.approval import REFUSED
from graph.events.snapshots import check_owner, turn_id_of, waiting_in
from graph.events.turn_events import Events, Finished, Resumed, Waiting
from graph.layers import Layers
from graph.runtime.erasure import OwnerErasure
from graph.runtime.graph_runs import Compiled, GraphRuns
from graph.runtime.pending_turns import PendingTurns
from graph.runtime.turn_removal import TurnRemoval
from graph.settings.context import TurnContext
from graph.state.circumstances import PLAIN, Circumstances, is_empty, user_message
from graph.state.turn_state import State
from memory.concurrency.tasks import end
from memory.errors import EmptyMessage, GoatError, ThreadBusy, TierUnavailable, Undecided
from memory.text.text import clean

logger = logging.getLogger(__name__)


class Agent:
    """Runs turns on an open graph, checkpointer and layers; see `graph.app.open_agent`.

    Methods raise `TierUnavailable` when Redis cannot be reached.
    """

    def __init__(self, graph: Compiled, untraced: Compiled, layers: Layers, saver: RedisSaver) -> None:
        """Take the graph compiled with the checkpointer `saver`, and `untraced`, compiled without one."""
        self.graph = graph
        self.layers = layers
        self._saver = saver
        self._runs = GraphRuns(layers, graph, untraced)
        self._pending = PendingTurns(self._runs, layers, saver)
        self._leases = ThreadLeases(layers.redis.client)
        self._erasure = OwnerErasure(layers, saver, self._runs, self._hold)
        self.removal = TurnRemoval(layers, saver, self._pending, self._erasure)
        self._reconciling: asyncio.Task[None] | None = None
        self._queues: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # by thread

    async def ask(self, text: str, *, owner: str, thread: str, **options: Any) -> State:
        """Run one turn to its end and return its state; options as for `stream`.

        Raises:
            Undecided: a tool call needs approval; see `decide`.
        """
        # Read to the end: a stream left early keeps the thread's lease until it is garbage-collected.
        *_, ended = [event async for event in self.stream(text, owner=owner, thread=thread, **options)]
        if isinstance(ended, Finished):
            return ended.state
        if isinstance(ended, Waiting):
            raise Undecided(f"{ended.approvals[0].tool} needs approval: see Agent.decide.")
        raise RuntimeError("The turn ended without a state.")

    async def stream(
        self,
        text: str,
        *,
        owner: str,
        thread: str,
        turn_id: str = "",
        about: Circumstances = PLAIN,
        context: TurnContext | None = None,
        fresh: bool = False,
    ) -> Events:
        """Answer `text` in `thread`, yielding the reply as it is written, then the finished state.

        A turn that a crash left pending in the thread is finished first. A `turn_id` that is already answered
        yields its stored state; `fresh` skips that lookup for a new id. A private turn is not stored, not
        even for a crash: a retry runs it again.

        The turn may end with `Waiting`: see `decide`. A new message refuses the calls that wait in the thread
        and finishes their turn.

        Raises:
            EmptyMessage: there is nothing to answer.
            OwnerMismatch: the thread is another owner's.
            ThreadBusy: another process is answering in this thread.
            TierUnavailable: also when the archive cannot be written; the next call ends the turn.
        """
        if not clean(text).strip() and is_empty(about.parts):
            raise EmptyMessage("The message is empty. Write something to answer.")
        may_be_stored = bool(turn_id) and not fresh
        context = context if context is not None else await self.layers.live.context(owner)
        at = about.at or datetime.now(UTC)
        turn_id = turn_id or uuid.uuid4().hex
        message = user_message(text, turn_id=turn_id, owner=owner, at=at, about=about)
        if about.private:
            turn = self._runs.run_stoppable(turn_id, {"messages": [message]}, thread, context, private=True)
        else:
            turn = self._run_next(message, thread, context, owner, may_be_stored=may_be_stored)
        async with contextlib.aclosing(turn) as events:
            async for event in events:
                yield event

    async def _run_next(
        self, message: HumanMessage, thread: str, context: TurnContext, owner: str, *, may_be_stored: bool
    ) -> Events:
        """Finish the thread's earlier turn, then run this one, unless its state is stored."""
        turn_id = str(message.id)
        ahead = self._runs.ahead(message, thread, context, owner=owner)
        async with self._queues.setdefault(thread, asyncio.Lock()), ahead, self._leases.hold(thread):
            if await self._saver.ais_pending(thread):
                async for event in self._pending.finish_earlier(thread, turn_id, owner):
                    self.layers.prefetch.forget(turn_id)
                    yield event
                    if not isinstance(event, Resumed):
                        return
            if may_be_stored and (stored := await self._pending.stored(thread, turn_id, owner)):
                yield Finished(stored)
                return
            turn = self._runs.run_stoppable(turn_id, {"messages": [message]}, thread, context)
            async with contextlib.aclosing(turn) as events:
                async for event in events:
                    yield event

    async def decide(
        self, turn_id: str, *, owner: str, thread: str, approval_id: str, allowed: bool
    ) -> Events:
        """Approve or refuse a pending call in `thread` and continue its turn; yields events as `stream`.

        Safe to repeat: a call that was decided before yields the stored state of its turn.

        Raises:
            NothingToDecide: the call is unknown.
            OwnerMismatch: the thread is another owner's.
            ThreadBusy, TierUnavailable: as for `stream`; the call stays pending.
        """
        async with self._hold(thread):
            snapshot = await self._runs.snapshot(thread)
            check_owner(snapshot, owner)
            waiting = waiting_in(snapshot)
            asked = {one.id: one for one in waiting.approvals} if waiting else {}
            if approval_id not in asked:
                yield await self._pending.after_decision(snapshot, turn_id, owner)
                return
            if not allowed:
                await self.layers.tool_cache.claim(asked[approval_id].key, REFUSED, owner=owner)
            context = await self.layers.live.context(owner)
            answer: Command[Any] = Command(resume={approval_id: allowed})
            turn = self._runs.run_stoppable(turn_id, answer, thread, context)
            async with contextlib.aclosing(turn) as events:
                async for event in events:
                    yield event

    async def waiting(self, thread: str, *, owner: str) -> Waiting | None:
        """Return the calls that need approval in a thread of the owner; None without any."""
        return await self._pending.waiting(thread, owner)

    async def leave(self, thread: str, *, owner: str) -> State | None:
        """Finish a turn that waits for approval, with its calls refused; return its state."""
        if await self.waiting(thread, owner=owner) is None:
            return None
        async with self._hold(thread):
            return await self._pending.finish(thread)

    async def resume(self) -> list[State]:
        """Finish every turn that a crash left pending, and return their states. Call it before new turns.

        Interrupted erasures are finished first. Approvals stay pending for a week. Threads that another
        process holds are skipped. A turn that fails again stays pending and is logged; the others go on.
        Then starts background work: embedding of waiting episodes, and open jobs.
        """
        await self.removal.resume()
        self.layers.delegation.begin()
        finished = []
        for thread in await self._pending.threads():
            try:
                async with self._hold(thread):
                    state = await self._pending.resume(thread)
            except ThreadBusy:
                continue
            except GoatError as error:
                logger.warning("A turn stays pending in thread %s: %s", thread, error)
                continue
            except Exception:  # one thread's failure must not stop the others
                logger.exception("A turn stays pending in thread %s", thread)
                continue
            if state is not None:
                finished.append(state)
        self._reconciling = asyncio.create_task(self.layers.reconcile())
        return finished

    async def aclose(self) -> None:
        """Stop background work. The caller closes the layers."""
        if self._reconciling is not None:
            await end(self._reconciling)
        with contextlib.suppress(TierUnavailable):  # queued entries can be computed again
            await self._saver.aclose()

    def stop(self, turn_id: str) -> None:
        """Ask a running turn to stop; the reply so far is archived."""
        self.layers.stops.request(turn_id)

    async def has_turn(self, turn_id: str, *, thread: str) -> bool:
        """Return True when the thread's latest message is this turn's: it is answered, or will be."""
        return turn_id_of(await self._runs.snapshot(thread)) == turn_id

    async def erase(self, owner: str) -> tuple[str, ...]:
        """Delete all data of an owner: episodes, facts, identity, conversations, threads.

        Running turns are stopped and deleted too. Safe to repeat; `resume` finishes an interrupted erasure.

        Returns:
            Data that may remain on a disk, one sentence each.

        Raises:
            ThreadBusy: a turn does not end, or another process is erasing the owner.
            MemoryTierError, DataFolderError: a store cannot be reached or written.
        """
        return await self._erasure(owner)

    async def forget(
        self, turn_ids: Sequence[str] = (), *, owner: str, facts: Sequence[str] = ()
    ) -> tuple[str, ...]:
        """Delete single turns, and facts by their keys, with earlier versions; `removal` lists quotations.

        Threads that showed them keep their conversation and lose their earlier steps. `resume` finishes an
        interrupted removal. Returns what `erase` returns.

        Raises:
            ThreadBusy: a turn that may show them runs in another process, or data is being erased there.
            MemoryTierError, DataFolderError: a store cannot be reached or written.
            ValueError: no fact can have one of these keys.
        """
        ends = {key: await self.removal.facts.end(key, owner, self.layers.turns.clock()) for key in facts}
        return await self.removal(turn_ids, owner, ends)

    async def last_turn(self, thread: str) -> State | None:
        """Return the state of the thread's latest turn, skipping experiments; None without one."""
        return await self._pending.latest(thread)

    @contextlib.asynccontextmanager
    async def _hold(self, thread: str) -> AsyncIterator[None]:
        """Hold the thread in this process and, by its lease, among all; raises `ThreadBusy`."""
        async with self._queues.setdefault(thread, asyncio.Lock()), self._leases.hold(thread):
            yield
