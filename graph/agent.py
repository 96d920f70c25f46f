"""The agent as its front ends use it: turns that stream, resume after a crash, and are never done twice."""

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from weakref import WeakValueDictionary

from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END
from langgraph.types import Command, Durability, StateSnapshot

from graph.approval import ABANDONED, REFUSED
from graph.context import TurnContext
from graph.delegation.state import is_job
from graph.events import Event, Finished, Resumed, Waiting
from graph.layers import Layers
from graph.lease import ThreadLeases
from graph.redis_saver import RedisSaver
from graph.snapshots import (
    answered,
    as_state,
    check_owner,
    is_older_than,
    is_pending,
    of_server,
    owner_of,
    turn_id_of,
    waiting_in,
)
from graph.spans import turn_span
from graph.state import State, TurnInput
from graph.turn import PLAIN, Circumstances, user_message
from graph.turn_run import Compiled, TurnRun
from memory.ending import end
from memory.errors import EmptyMessage, GoatError, NothingToDecide, OwnerMismatch, ThreadBusy, Undecided
from memory.text import clean

PATIENCE = timedelta(days=7)
"""For so long what was asked can be answered."""
logger = logging.getLogger(__name__)


class Agent:
    """Run turns over an open graph, checkpointer and layers; see `graph.app.open_agent`."""

    def __init__(self, graph: Compiled, untraced: Compiled, layers: Layers, saver: RedisSaver) -> None:
        """Take the graph with the checkpointer `saver`, and `untraced`, the same one without any."""
        self.graph = graph
        self._untraced = untraced
        self.layers = layers
        self._saver = saver
        self._leases = ThreadLeases(layers.redis.client)
        self._reconciling: asyncio.Task[None] | None = None
        self._queues: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def ask(self, text: str, *, owner: str, thread: str, **options: Any) -> State:
        """Run one turn to its end and return its state; options as for `stream`.

        Raises:
            Undecided: the turn waits for the person's word; see `decide`.
        """
        async for event in self.stream(text, owner=owner, thread=thread, **options):
            if isinstance(event, Finished):
                return event.state
            if isinstance(event, Waiting):
                raise Undecided(f"{event.approvals[0].tool} waits for the person's word: see Agent.decide.")
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
    ) -> AsyncIterator[Event]:
        """Answer `text` in `thread`, yielding the reply as it is written, then the finished state.

        What an earlier crash left pending in the thread is finished first. A `turn_id` that is already
        answered yields what is stored of it, and nothing is computed again; `fresh` says that it never was
        sent before, and spares the look. Of a private turn nothing is kept, not even for a crash: it is
        computed again.

        A turn may end with `Waiting`: see `decide`. What waits in the thread when another message comes is
        not allowed, and that turn ends without it.

        Raises:
            EmptyMessage: there is nothing to answer.
            OwnerMismatch: the thread is another owner's.
            ThreadBusy: another process is answering in this thread.
            TierUnavailable: Redis cannot be reached, or the archive cannot be written. The turn stays
                pending where it is, and is finished by the next call.
        """
        if not clean(text).strip():
            raise EmptyMessage("The message is empty. Write something to answer.")
        may_be_stored = bool(turn_id) and not fresh
        turn_id = turn_id or uuid.uuid4().hex
        context = context if context is not None else self.layers.settings().turn_context(owner)
        message = user_message(
            text, turn_id=turn_id, owner=owner, at=about.at or datetime.now(UTC), about=about
        )
        if about.private:
            async for event in self._begin(message, thread, context, self._untraced):
                yield event
            return
        async with self._queue(thread), self._leases.hold(thread):
            async for event in self._earlier(thread, turn_id, owner):
                yield event
                if not isinstance(event, Resumed):
                    return
            if may_be_stored and (stored := await self._stored(thread, turn_id, owner)):
                yield Finished(stored)
                return
            async for event in self._begin(message, thread, context, self.graph):
                yield event

    async def _earlier(self, thread: str, turn_id: str, owner: str) -> AsyncIterator[Event]:
        """Finish what is pending in a thread; anything but `Resumed` is the turn that is asked for itself."""
        if not await self._saver.ais_pending(thread):
            return
        snapshot = await self._snapshot(thread)
        check_owner(snapshot, owner)
        waiting = waiting_in(snapshot)
        if waiting is not None and waiting.turn_id == turn_id:
            yield waiting
        elif resumed := await self._resumed(thread):
            yield Finished(resumed) if resumed["turn"].turn_id == turn_id else Resumed(resumed)

    async def _begin(
        self, message: HumanMessage, thread: str, context: TurnContext, graph: Compiled
    ) -> AsyncIterator[Event]:
        with self.layers.stops.possible(str(message.id)):
            async for event in self._run(
                str(message.id), {"messages": [message]}, _config(thread), context, graph
            ):
                yield event

    async def decide(
        self, turn_id: str, *, owner: str, thread: str, approval_id: str, allowed: bool
    ) -> AsyncIterator[Event]:
        """Answer a call that waits in `thread`, and go on with its turn, yielding what `stream` yields.

        It may be done again: what was answered before is finished, and yields what is stored of the turn.

        Raises:
            NothingToDecide: nothing is known of such a call.
            OwnerMismatch: the thread is another owner's.
            ThreadBusy, TierUnavailable: as for `stream`; the call goes on waiting.
        """
        async with self._queue(thread), self._leases.hold(thread):
            snapshot = await self._snapshot(thread)
            check_owner(snapshot, owner)
            waiting = waiting_in(snapshot)
            asked = {one.id: one for one in waiting.approvals} if waiting else {}
            if approval_id not in asked:
                yield await self._decided(snapshot, turn_id, owner)
                return
            if not allowed:
                await self.layers.tool_cache.claim(asked[approval_id].key, REFUSED, owner=owner)
            context = self.layers.settings().turn_context(owner)
            with self.layers.stops.possible(turn_id):
                answer: Command[Any] = Command(resume={approval_id: allowed})
                async for event in self._run(turn_id, answer, _config(thread), context, self.graph):
                    yield event

    async def _decided(self, snapshot: StateSnapshot, turn_id: str, owner: str) -> Event:
        """Return where a turn is whose call was answered before."""
        if (waiting := waiting_in(snapshot)) is not None:
            return waiting
        thread = str(snapshot.config["configurable"]["thread_id"])
        await self._resumed(thread)
        stored = await self._stored(thread, turn_id, owner)
        if stored is None:
            raise NothingToDecide("This is not open any more.")
        return Finished(stored)

    async def waiting(self, thread: str, *, owner: str) -> Waiting | None:
        """Return what waits in a thread of the owner for the person's word; None when nothing does."""
        waiting = waiting_in(await self._snapshot(thread))
        return waiting if waiting is not None and waiting.owner == owner else None

    async def leave(self, thread: str, *, owner: str) -> State | None:
        """Finish the turn that waits in a thread of the owner, with nothing allowed; return its state."""
        if await self.waiting(thread, owner=owner) is None:
            return None
        async with self._queue(thread), self._leases.hold(thread):
            return await self._resumed(thread)

    async def resume(self) -> list[State]:
        """Finish every turn that a crash left pending, before anything new; return their states.

        What waits for a person's word goes on waiting, for a week. Threads in which another process is
        answering are left to it. A turn that fails again stays pending, is logged, and holds up no other.

        In the background, the vectors of every owner are then brought up to date, and open jobs worked on.

        Raises:
            TierUnavailable: Redis cannot be reached.
        """
        self.layers.delegation.begin()
        finished = []
        for thread in [one for one in await self._saver.apending() if not is_job(one)]:
            try:
                state = await self._resume_thread(thread)
            except ThreadBusy:
                continue
            except GoatError as error:
                logger.warning("A turn stays pending in thread %s: %s", thread, error)
                continue
            if state is not None:
                finished.append(state)
        self._reconciling = asyncio.create_task(self.layers.reconcile())
        return finished

    async def aclose(self) -> None:
        """End what runs in the background; the layers belong to whoever opened them."""
        if self._reconciling is not None:
            await end(self._reconciling)

    async def _resume_thread(self, thread: str) -> State | None:
        async with self._queue(thread), self._leases.hold(thread):
            snapshot = await self._snapshot(thread)
            if waiting_in(snapshot) and not is_older_than(snapshot, PATIENCE):
                return None
            return await self._resumed(thread)

    async def _resumed(self, thread: str) -> State | None:
        """Finish what is pending in a thread; return the state of the turn, or None when there was none.

        Raises:
            ThreadBusy: a LangGraph server may still be at work on it.
        """
        snapshot = await self._snapshot(thread)
        if not is_pending(snapshot):
            return None
        if of_server(snapshot):
            raise ThreadBusy("LangGraph's server is answering in this thread. Wait for it, or use /new.")
        state = await self._finish(snapshot)
        return cast("State", state.values) if "reply" in state.values else None

    async def _stored(self, thread: str, turn_id: str, owner: str) -> State | None:
        """Return what is stored of an answered turn; None when it is not answered yet."""
        snapshot = await self._snapshot(thread)
        if answered(snapshot, turn_id):
            check_owner(snapshot, owner)
            return cast("State", snapshot.values)
        for episode in await self.layers.episodes.get([turn_id], owner=owner):
            return as_state(episode)
        return None

    def stop(self, turn_id: str) -> None:
        """Ask a running turn to end its reply; it is archived with what stands there."""
        self.layers.stops.request(turn_id)

    async def erase(self, owner: str) -> None:
        """Delete all that is kept of an owner, for good: episodes, facts, identity, conversations, threads.

        May be done again when it broke off; what is written meanwhile may stay.
        """
        layers = self.layers
        await layers.delegation.erase(owner=owner)
        await layers.recorder.flush()
        for thread in [*await layers.episodes.threads(owner=owner), *await self._pending_of(owner)]:
            await self._saver.adelete_thread(thread)
        await layers.conversations.erase(owner=owner)
        await layers.episodes.erase(owner=owner)
        await layers.permanent.erase(owner=owner)
        await layers.cache.erase(owner=owner)
        await layers.tool_cache.erase(owner=owner)
        await layers.metrics.erase(owner=owner)
        await layers.plugins.erase(owner=owner)

    async def _pending_of(self, owner: str) -> list[str]:
        """List the threads in which a turn of the owner is pending, and so not archived yet."""
        threads = [one for one in await self._saver.apending() if not is_job(one)]
        return [one for one in threads if owner_of(await self._snapshot(one)) == owner]

    async def last_turn(self, thread: str) -> State | None:
        """Read the thread's latest state; None when it has none."""
        values = (await self.graph.aget_state(_config(thread))).values
        return cast("State", values) if values else None

    def _queue(self, thread: str) -> asyncio.Lock:
        return self._queues.setdefault(thread, asyncio.Lock())

    async def _snapshot(self, thread: str) -> StateSnapshot:
        return await self.graph.aget_state(_config(thread))

    async def _finish(self, snapshot: StateSnapshot) -> StateSnapshot:
        """Run what is pending in a thread to its end; what can never succeed is closed, and logged.

        A LangGraph server leaves the owner that a run was given in the checkpoint's metadata.
        """
        thread = str(snapshot.config["configurable"]["thread_id"])
        context = self.layers.settings().turn_context(str((snapshot.metadata or {}).get("owner", "")))
        given = await self._abandoning(snapshot)
        try:
            async for _ in self._run(turn_id_of(snapshot), given, _config(thread), context, self.graph):
                pass
        except (EmptyMessage, OwnerMismatch) as error:
            logger.warning("A pending turn cannot be answered and is closed: %s", error)
            await self.graph.aupdate_state(_config(thread), None, as_node=END)
        return await self._snapshot(thread)

    async def _abandoning(self, snapshot: StateSnapshot) -> Command[Any] | None:
        """Return what lets a turn go on without the calls that wait; None when none does."""
        waiting = waiting_in(snapshot)
        if waiting is None:
            return None
        for approval in waiting.approvals:
            await self.layers.tool_cache.claim(approval.key, ABANDONED, owner=waiting.owner)
        return Command(resume={approval.id: ABANDONED for approval in waiting.approvals})

    async def _run(
        self,
        turn_id: str,
        given: TurnInput | Command[Any] | None,
        config: RunnableConfig,
        context: TurnContext,
        graph: Compiled,
    ) -> AsyncIterator[Event]:
        durability: Durability | None = None if graph is self._untraced else "sync"
        run = TurnRun(await self.layers.toolbox.schemas() if context.tool_rounds else {})
        events = run.events(graph, given, config, context, durability)
        if graph is not self._untraced:
            events = turn_span(self.layers.telemetry.tracer(), turn_id, events)
        async for event in events:
            yield event


def _config(thread: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread}}
