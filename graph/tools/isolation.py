"""Run plugins' tools apart: what one does, or does not do, holds up neither the turn nor another tool.

It keeps accidents apart, not attackers: a plugin is code that runs as the owner of the process.
"""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, wait
from contextlib import suppress
from contextvars import Context, ContextVar
from functools import partial
from typing import Any, TypeVar

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool, Tool, ToolException

from graph.tools.caller import Caller
from graph.tools.daemon_threads import Guest, insist, words_of
from graph.tools.loop_thread import Job, LoopThread

T = TypeVar("T")
PLUGIN = "goat_plugin"
"""In a tool's `metadata`: the plugin that it is of."""
STALL_SECONDS = 0.25
GRACE_SECONDS = 0.5
MOST_LEFT = 8
"""Calls of a plugin that were left behind and still run, from which on it is not called."""
_home: ContextVar[asyncio.AbstractEventLoop] = ContextVar("goat_home")


class PluginIsolation:
    """Run asynchronous tools in an event loop for each plugin, others in a thread for each call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lanes: dict[str, LoopThread] = {}
        self._left: defaultdict[str, list[Future[Any]]] = defaultdict(list)

    async def run(self, tool: BaseTool, call: dict[str, Any], caller: Caller, seconds: float) -> Any:
        """Return what the tool returns for the call.

        Raises:
            TimeoutError: it was not done in time; it is asked to end, and left behind.
            ToolException: it ended with what would end a process, or many calls of its plugin never ended.
        """
        plugin = str((tool.metadata or {}).get(PLUGIN, tool.name))
        self._check_left(plugin)
        context = Context()
        context.run(_home.set, asyncio.get_running_loop())
        if _is_async(tool):
            return await self._in_lane(
                plugin, partial(_awaited, tool, call, caller.config()), context, seconds
            )
        guest = Guest(partial(context.run, _called, tool, call, caller.config()), f"plugin-{plugin}")
        guest.start()
        return await self._outcome(plugin, guest.outcome, seconds, partial(_end_guest, guest))

    async def aclose(self) -> None:
        """End every lane; one that is blocked is interrupted, and not waited for."""
        with self._lock:
            lanes, self._lanes = list(self._lanes.values()), {}
        for lane in lanes:
            lane.end()
        ended = await asyncio.gather(*(_done(lane.ended, GRACE_SECONDS) for lane in lanes))
        for lane, has_ended in zip(lanes, ended, strict=True):
            if not has_ended:
                _apart(lane.free)

    async def _in_lane(
        self, plugin: str, work: Callable[[], Coroutine[Any, Any, Any]], context: Context, seconds: float
    ) -> Any:
        lane = self._lane(plugin)
        job = lane.submit(work, context)
        if not await _done(job.begun, STALL_SECONDS) and job.outcome.cancel():
            self._replace(plugin, lane)
            lane = self._lane(plugin)
            job = lane.submit(work, context)
        return await self._outcome(plugin, job.outcome, seconds, partial(self._end_job, plugin, lane, job))

    async def _outcome(self, plugin: str, outcome: Future[T], seconds: float, end: Callable[[], None]) -> T:
        done = False
        try:
            done = await _done(outcome, seconds)
        finally:
            if not done:
                self._left[plugin].append(outcome)
                _apart(end)
        if not done:
            raise TimeoutError
        return _result(outcome)

    def _end_job(self, plugin: str, lane: LoopThread, job: Job) -> None:
        """Cancel the call; when it blocks its loop, put another in its place and interrupt it."""
        job.cancel()
        if _over(job.outcome, GRACE_SECONDS):
            return
        if lane.answers(GRACE_SECONDS):
            job.cancel()
            return
        self._replace(plugin, lane)
        lane.free()

    def _lane(self, plugin: str) -> LoopThread:
        with self._lock:
            lane = self._lanes.get(plugin)
            if lane is None:
                lane = self._lanes[plugin] = LoopThread(plugin)
            return lane

    def _replace(self, plugin: str, lane: LoopThread) -> None:
        with self._lock:
            if self._lanes.get(plugin) is lane:
                del self._lanes[plugin]
        lane.retire()

    def _check_left(self, plugin: str) -> None:
        left = self._left[plugin] = [outcome for outcome in self._left[plugin] if not outcome.done()]
        if len(left) >= MOST_LEFT:
            raise ToolException(f"{len(left)} earlier calls of {plugin} never ended. Mend it and start anew.")


async def at_home(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run `work` on the event loop that called the tool, and wait for it; outside of a tool, here."""
    home = _home.get(None)
    if home is None or home is asyncio.get_running_loop():
        return await work()
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(), home))


def _is_async(tool: BaseTool) -> bool:
    if isinstance(tool, StructuredTool | Tool):
        return tool.coroutine is not None
    return type(tool)._arun is not BaseTool._arun


async def _awaited(tool: BaseTool, call: dict[str, Any], config: RunnableConfig) -> Any:
    try:
        return await tool.ainvoke(call, config)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise ToolException("it was cancelled from within") from None
    except BaseException as error:
        raise _ordinary(error) from error


def _called(tool: BaseTool, call: dict[str, Any], config: RunnableConfig) -> Any:
    try:
        return tool.invoke(call, config)
    except BaseException as error:
        raise _ordinary(error) from error


def _ordinary(error: BaseException) -> Exception:
    """Return the error, or what stands for one that means something else to whoever awaits the tool."""
    words = words_of(error)
    mute = words == type(error).__name__
    if mute or not isinstance(error, Exception) or isinstance(error, TimeoutError | StopIteration):
        return ToolException(words)
    return error


async def _done(future: Future[Any], seconds: float) -> bool:
    """Wait for another thread's future; whoever is cancelled here leaves it as it is."""
    loop, seen = asyncio.get_running_loop(), asyncio.Event()

    def tell(_: Future[Any]) -> None:
        with suppress(RuntimeError):  # nobody waits any more, and the loop is closed
            loop.call_soon_threadsafe(seen.set)

    future.add_done_callback(tell)
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await seen.wait()
    return future.done()


def _result(outcome: Future[T]) -> T:
    try:
        return outcome.result()
    except asyncio.CancelledError:
        raise ToolException("it was ended, for the agent closes") from None


def _over(future: Future[Any], seconds: float) -> bool:
    return bool(wait({future}, seconds).done)


def _end_guest(guest: Guest[Any]) -> None:
    insist(guest, partial(_over, guest.outcome))


def _apart(work: Callable[[], None]) -> None:
    """Do what waits for threads in a thread."""
    threading.Thread(target=work, name="plugin-ending", daemon=True).start()
