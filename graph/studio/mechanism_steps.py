"""`prefetch` as a subgraph: one step for each mechanism's search, and one that ranks what they found.

The node itself searches, with its cache, its deadline and its ranking; each step ends when its mechanism's
search has ended.
"""

import asyncio
from collections.abc import Awaitable, Coroutine, Hashable, Mapping
from contextvars import copy_context
from functools import partial
from typing import Any, NotRequired, cast

from langchain_core.messages import AnyMessage
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from graph.observability.observed_node import ObservedNode
from graph.settings.context import TurnContext
from graph.state.reducers import Story, Timings
from graph.state.turn_state import Allocation, Recall, State, Turn
from memory.models import Mechanism
from memory.recall.mechanisms import MECHANISMS, WATCH

RANK = "rank"
_KEPT_SECONDS = 5.0
_CAPTIONS = {Mechanism.THEMATIC: "by meaning and words"} | {one.name: one.caption for one in MECHANISMS}


class _Given(TypedDict):
    """What the node reads."""

    messages: list[AnyMessage]
    turn: NotRequired[Turn]
    recall: NotRequired[Recall]
    allocation: NotRequired[Allocation]


class _Returned(TypedDict):
    """What the node writes."""

    recall: NotRequired[Recall]
    thresholds: NotRequired[dict[str, Any]]
    story: NotRequired[Story]
    timings: NotRequired[Timings]
    thematic: NotRequired[str]
    """What each step says, for people; the turn's state does not have it."""
    temporal: NotRequired[str]
    key: NotRequired[str]


class _Steps(_Given, _Returned):
    """The state of the subgraph."""


class _Search:
    """A run of the node; each step waits for the search of its mechanism."""

    def __init__(self, run: Coroutine[Any, Any, Any]) -> None:
        loop, context = asyncio.get_running_loop(), copy_context()
        self._begun = {one: loop.create_future() for one in Mechanism}
        context.run(WATCH.set, self._watch)
        self.task = loop.create_task(run, context=context)
        self.task.add_done_callback(_retrieve_error)

    async def _watch(self, mechanism: Mechanism, work: Awaitable[Any]) -> Any:
        searching = asyncio.ensure_future(work)
        self._begun[mechanism].set_result(searching)
        return await searching

    async def follow(self, mechanism: Mechanism) -> str:
        """Wait for a mechanism's search; return what it found, or why it was not searched."""
        begun = self._begun[mechanism]
        try:
            await asyncio.wait({begun, self.task}, return_when=asyncio.FIRST_COMPLETED)
            if begun.done():
                searching: asyncio.Future[Any] = begun.result()
                await asyncio.wait({searching, self.task}, return_when=asyncio.FIRST_COMPLETED)
                if searching.done() and not searching.cancelled() and searching.exception() is None:
                    return _found(searching.result())
            await asyncio.wait({self.task})
        except asyncio.CancelledError:
            self.task.cancel()
            raise
        return _not_searched(mechanism, self.task)


def _retrieve_error(task: "asyncio.Task[Any]") -> None:
    """Retrieve the error of a search, which `rank` raises, so that asyncio does not log it too."""
    if not task.cancelled():
        task.exception()


def _found(result: Any) -> str:
    if isinstance(result, Mapping):
        return f"{len(result)} found."
    lookup, dense = result
    return f"{len(lookup.seqs)} found by words, {len(dense.found)} by meaning."


def _not_searched(mechanism: Mechanism, task: "asyncio.Task[Any]") -> str:
    """Return why a mechanism has no search in a finished run."""
    absent = {one.name: one.absent for one in MECHANISMS}
    failed = task.cancelled() or task.exception() is not None
    if mechanism not in absent or failed or mechanism in task.result()["recall"].sought:
        return f"Not searched by itself: see {RANK}."
    return f"Not searched, {absent[mechanism]}."


def in_mechanisms(node: ObservedNode) -> Any:
    """Return `prefetch` as a subgraph with a step for each mechanism."""
    searches: dict[Hashable, _Search] = {}

    async def search(mechanism: Mechanism, state: Any, runtime: Runtime[TurnContext]) -> dict[str, Any]:
        key = _key(runtime)
        if key not in searches:
            begun = searches[key] = _Search(node(state, runtime))
            begun.task.add_done_callback(partial(_forget_soon, searches, key))
        return {mechanism.value: await searches[key].follow(mechanism)}

    async def rank(state: _Given, runtime: Runtime[TurnContext]) -> Any:
        found = searches.get(_key(runtime))  # none if the steps ran before a restart, or long ago
        return await (node(cast("State", state), runtime) if found is None else found.task)

    builder = StateGraph(_Steps, TurnContext, input_schema=_Given, output_schema=_Returned)
    for mechanism in Mechanism:
        step: Any = partial(search, mechanism)
        caption = {"does": _CAPTIONS[mechanism]}
        builder.add_node(mechanism.value, step, metadata=caption, input_schema=_Given)
        builder.add_edge(START, mechanism.value)
    builder.add_node(RANK, rank, metadata={"does": "join and rank what was found"}, input_schema=_Given)
    builder.add_edge([one.value for one in Mechanism], RANK)
    builder.add_edge(RANK, END)
    return builder.compile(name="prefetch")


def _forget_soon(searches: dict[Hashable, _Search], key: Hashable, task: "asyncio.Task[Any]") -> None:
    """Drop a result soon after the next step has read it: its memories may be erased."""
    task.get_loop().call_later(_KEPT_SECONDS, searches.pop, key, None)


def _key(runtime: Runtime[TurnContext]) -> Hashable:
    """Return what the steps of one run have in common: run, thread and the task of the subgraph."""
    running = runtime.execution_info
    if running is None:
        return object()  # nothing in common: never another run's search
    return running.run_id, running.thread_id, running.checkpoint_ns.partition("|")[0]
