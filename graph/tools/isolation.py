"""Isolation of plugins' tools: a tool that blocks delays neither the turn nor another plugin's tool.

It protects from accidents, not from attackers: a plugin's code runs with the rights of the process.
"""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from contextvars import Context, ContextVar
from functools import partial
from typing import Any, TypeVar

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool, Tool, ToolException

from graph.tools.caller import Caller
from graph.tools.daemon_threads import (
    InterruptibleThread,
    LoopCall,
    LoopThread,
    ends,
    error_text,
    interrupt_until,
)

T = TypeVar("T")
PLUGIN = "goat_plugin"
"""Key of the plugin's name in a tool's `metadata`."""
STALL_SECONDS = 0.25
GRACE_SECONDS = 0.5
MOST_LEFT = 8
"""Limit on a plugin's abandoned calls that still run; at the limit it is not called any more."""
_home: ContextVar[asyncio.AbstractEventLoop] = ContextVar("goat_home")


class PluginIsolation:
    """Runs asynchronous tools in one loop thread per plugin, other tools in one thread per call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loops: dict[str, LoopThread] = {}
        self._left: defaultdict[str, list[Future[Any]]] = defaultdict(list)

    async def run(self, tool: BaseTool, call: dict[str, Any], caller: Caller, seconds: float) -> Any:
        """Return the result of a call.

        Raises:
            TimeoutError: the call did not end in time; it is cancelled and abandoned.
            ToolException: it raised an exception that would end the process, or too many calls never ended.
        """
        plugin = str((tool.metadata or {}).get(PLUGIN, tool.name))
        self._check_left(plugin)
        context = Context()
        context.run(_home.set, asyncio.get_running_loop())
        if _is_async(tool):
            return await self._in_loop(
                plugin, partial(_invoke_async, tool, call, caller.config()), context, seconds
            )
        thread = InterruptibleThread(
            partial(context.run, _invoke, tool, call, caller.config()), f"plugin-{plugin}"
        )
        thread.start()
        return await self._outcome(plugin, thread.outcome, seconds, partial(interrupt_until, thread))

    async def aclose(self) -> None:
        """End every loop thread; interrupt blocked ones without waiting for them."""
        with self._lock:
            loops, self._loops = list(self._loops.values()), {}
        for loop in loops:
            loop.end()
        ended = await asyncio.gather(*(_done(loop.ended, GRACE_SECONDS) for loop in loops))
        for loop, has_ended in zip(loops, ended, strict=True):
            if not has_ended:
                _in_thread(loop.free)

    async def _in_loop(
        self, plugin: str, work: Callable[[], Coroutine[Any, Any, Any]], context: Context, seconds: float
    ) -> Any:
        loop = self._loop(plugin)
        job = loop.submit(work, context)
        try:
            begun = await _done(job.begun, STALL_SECONDS)
        except asyncio.CancelledError:
            _in_thread(partial(self._end_call, plugin, loop, job))
            raise
        if not begun and job.outcome.cancel():
            self._discard(plugin, loop)
            loop = self._loop(plugin)
            job = loop.submit(work, context)
        return await self._outcome(plugin, job.outcome, seconds, partial(self._end_call, plugin, loop, job))

    async def _outcome(self, plugin: str, outcome: Future[T], seconds: float, end: Callable[[], None]) -> T:
        done = False
        try:
            done = await _done(outcome, seconds)
        finally:
            if not done:
                self._left[plugin].append(outcome)
                _in_thread(end)
        if not done:
            raise TimeoutError
        return _result(outcome)

    def _end_call(self, plugin: str, loop: LoopThread, job: LoopCall) -> None:
        """Cancel a call; if it blocks its loop, discard the loop and interrupt the call."""
        job.cancel()
        if ends(job.outcome, GRACE_SECONDS):
            return
        if loop.answers(GRACE_SECONDS):
            job.cancel()
            return
        self._discard(plugin, loop)
        loop.free()

    def _loop(self, plugin: str) -> LoopThread:
        with self._lock:
            loop = self._loops.get(plugin)
            if loop is None:
                loop = self._loops[plugin] = LoopThread(plugin)
            return loop

    def _discard(self, plugin: str, loop: LoopThread) -> None:
        with self._lock:
            if self._loops.get(plugin) is loop:
                del self._loops[plugin]
        loop.retire()

    def _check_left(self, plugin: str) -> None:
        left = self._left[plugin] = [outcome for outcome in self._left[plugin] if not outcome.done()]
        if len(left) >= MOST_LEFT:
            raise ToolException(f"{len(left)} earlier calls of {plugin} never ended. Fix it and restart.")


async def on_home_loop(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run `work` on the event loop that called the tool; outside a tool, on the running loop."""
    home = _home.get(None)
    if home is None or home is asyncio.get_running_loop():
        return await work()
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(), home))


def _is_async(tool: BaseTool) -> bool:
    if isinstance(tool, StructuredTool | Tool):
        return tool.coroutine is not None
    return type(tool)._arun is not BaseTool._arun


async def _invoke_async(tool: BaseTool, call: dict[str, Any], config: RunnableConfig) -> Any:
    try:
        return await tool.ainvoke(call, config)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise ToolException("it cancelled itself") from None
    except BaseException as error:
        raise _as_exception(error) from error


def _invoke(tool: BaseTool, call: dict[str, Any], config: RunnableConfig) -> Any:
    try:
        return tool.invoke(call, config)
    except BaseException as error:
        raise _as_exception(error) from error


def _as_exception(error: BaseException) -> Exception:
    """Return the error; as a `ToolException` if it would mean something else to the awaiting code."""
    words = error_text(error)
    mute = words == type(error).__name__
    if mute or not isinstance(error, Exception) or isinstance(error, TimeoutError | StopIteration):
        return ToolException(words)
    return error


async def _done(future: Future[Any], seconds: float) -> bool:
    """Wait for another thread's future without cancelling it; return True when it is done."""
    loop, seen = asyncio.get_running_loop(), asyncio.Event()

    def notify(_: Future[Any]) -> None:
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(seen.set)

    future.add_done_callback(notify)
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await seen.wait()
    return future.done()


def _result(outcome: Future[T]) -> T:
    try:
        return outcome.result()
    except asyncio.CancelledError:
        raise ToolException("it was cancelled because the agent closes") from None


def _in_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="plugin-ending", daemon=True).start()
