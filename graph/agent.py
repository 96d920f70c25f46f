"""The agent as its front ends use it: turns that stream, resume after a crash, and are never done twice."""

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, cast
from weakref import WeakValueDictionary

from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END
from langgraph.types import Command, Durability, StateSnapshot

from graph.approval import ABANDONED, approvals
from graph.context import TurnContext
from graph.delegation.state import is_job
from graph.events import Event, Finished, Resumed, Waiting
from graph.layers import Layers
from graph.lease import ThreadLeases
from graph.redis_saver import RedisSaver
from graph.snapshots import answered, as_state, is_pending, of_server
from graph.spans import turn_span
from graph.state import State, TurnInput
from graph.turn import PLAIN, Circumstances, user_message
from graph.turn_run import Compiled, TurnRun
from memory.ending import end
from memory.errors import EmptyMessage, GoatError, NothingToDecide, OwnerMismatch, ThreadBusy
from memory.text import clean

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
        """Run one turn to its end and return its state; options as for `stream`."""
        state: State | None = None
        async for event in self.stream(text, owner=owner, thread=thread, **options):
            if isinstance(event, Finished):
                state = event.state
        return cast("State", state)

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
            config = _config(thread)
            async for event in self._earlier(config, turn_id):
                yield event
                if not isinstance(event, Resumed):
                    return
            if may_be_stored and (stored := await self._stored(config, turn_id, owner)):
                yield Finished(stored)
                return
            async for event in self._begin(message, thread, context, self.graph):
                yield event

    async def _earlier(self, config: RunnableConfig, turn_id: str) -> AsyncIterator[Event]:
        """Finish what is pending in a thread; anything but `Resumed` is the turn that is asked for itself."""
        if not await self._saver.ais_pending(config["configurable"]["thread_id"]):
            return
        waiting = await self._waiting(config)
        if waiting is not None and waiting.turn_id == turn_id:
            yield waiting
        elif resumed := await self._resumed(config):
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
            config = _config(thread)
            waiting = await self._waiting(config)
            if waiting is not None and waiting.owner != owner:
                raise OwnerMismatch("This was asked of somebody else.")
            if waiting is None or approval_id not in {one.id for one in waiting.approvals}:
                yield await self._decided(config, turn_id, owner)
                return
            context = self.layers.settings().turn_context(owner)
            with self.layers.stops.possible(waiting.turn_id):
                answer: Command[Any] = Command(resume={approval_id: allowed})
                async for event in self._run(turn_id, answer, config, context, self.graph):
                    yield event

    async def _decided(self, config: RunnableConfig, turn_id: str, owner: str) -> Event:
        """Return where a turn is whose call was answered before."""
        waiting = await self._waiting(config)
        if waiting is not None:
            return waiting
        if await self._saver.ais_pending(config["configurable"]["thread_id"]):
            await self._resumed(config)
        stored = await self._stored(config, turn_id, owner)
        if stored is None:
            raise NothingToDecide("This is not open any more.")
        return Finished(stored)

    async def waiting(self, thread: str) -> Waiting | None:
        """Return what waits in a thread for the person's word; None when nothing does."""
        return await self._waiting(_config(thread))

    async def _waiting(self, config: RunnableConfig) -> Waiting | None:
        snapshot = await self.graph.aget_state(config)
        if not snapshot.interrupts:
            return None
        turn = snapshot.values["turn"]
        return Waiting(turn.turn_id, turn.owner, approvals(snapshot.interrupts))

    async def resume(self) -> list[State]:
        """Finish every turn that a crash left pending, before anything new; return their states.

        What waits for a person's word goes on waiting. Threads in which another process is answering are left
        to it. A turn that fails again stays pending, is logged, and does not hold up the others.

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
            if await self._waiting(_config(thread)):
                return None
            return await self._resumed(_config(thread))

    async def _resumed(self, config: RunnableConfig) -> State | None:
        """Finish what is pending in a thread; return the state of the turn, or None when there was none.

        Raises:
            ThreadBusy: a LangGraph server may still be at work on it.
        """
        snapshot = await self.graph.aget_state(config)
        if not is_pending(snapshot):
            return None
        if of_server(snapshot):
            raise ThreadBusy("LangGraph's server is answering in this thread. Wait for it, or use /new.")
        state = await self._finish(snapshot, config)
        return cast("State", state.values) if "reply" in state.values else None

    async def _stored(self, config: RunnableConfig, turn_id: str, owner: str) -> State | None:
        """Return what is stored of an answered turn; None when it is not answered yet."""
        snapshot = await self.graph.aget_state(config)
        if answered(snapshot, turn_id):
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
        for thread in await layers.episodes.threads(owner=owner):
            await self._saver.adelete_thread(thread)
        await layers.conversations.erase(owner=owner)
        await layers.episodes.erase(owner=owner)
        await layers.permanent.erase(owner=owner)
        await layers.cache.erase(owner=owner)
        await layers.tool_cache.erase(owner=owner)
        await layers.metrics.erase(owner=owner)

    async def last_turn(self, thread: str) -> State | None:
        """Read the thread's latest state; None when it has none."""
        values = (await self.graph.aget_state(_config(thread))).values
        return cast("State", values) if values else None

    def _queue(self, thread: str) -> asyncio.Lock:
        return self._queues.setdefault(thread, asyncio.Lock())

    async def _finish(self, snapshot: StateSnapshot, config: RunnableConfig) -> StateSnapshot:
        """Run what is pending in a thread to its end; what can never succeed is closed, and logged.

        A LangGraph server leaves the owner that a run was given in the checkpoint's metadata.
        """
        owner = str((snapshot.metadata or {}).get("owner", ""))
        context = self.layers.settings().turn_context(owner)
        left = {one.id: ABANDONED for one in snapshot.interrupts}
        given: Command[Any] | None = Command(resume=left) if left else None
        try:
            async for _ in self._run(_turn_id(snapshot), given, config, context, self.graph):
                pass
        except (EmptyMessage, OwnerMismatch) as error:
            logger.warning("A pending turn cannot be answered and is closed: %s", error)
            await self.graph.aupdate_state(config, None, as_node=END)
        return await self.graph.aget_state(config)

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


def _turn_id(snapshot: StateSnapshot) -> str:
    """Return the id of the turn that is pending; the message stands there before the turn does."""
    messages = snapshot.values.get("messages") or []
    human = [message for message in messages if message.type == "human"]
    return str(human[-1].id) if human else ""


def _config(thread: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread}}
