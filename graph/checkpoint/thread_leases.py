"""Leases in Redis that keep two processes off one thread."""

import asyncio
import contextlib
import json
import os
import socket
import uuid
from collections.abc import AsyncIterator
from functools import cache
from typing import Any

import psutil

from memory.concurrency.tasks import end
from memory.errors import ThreadBusy, TierUnavailable
from memory.working.redis_connection import GetRedis, run_script, translate_errors

LEASE_SECONDS = 15.0
_KEY = "goat:{{{thread}}}:lease"
_IF_MINE = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end "
RELEASE = _IF_MINE + "return redis.call('DEL', KEYS[1])"
RENEW = _IF_MINE + "return redis.call('PEXPIRE', KEYS[1], ARGV[2])"
_TAKE_OVER = _IF_MINE + "redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) return 1"


class ThreadLeases:
    """Acquires, renews and releases leases on threads.

    A lease whose process died is taken over at once on the same machine, elsewhere after `LEASE_SECONDS`.
    """

    def __init__(self, client: GetRedis) -> None:
        self._client = client
        self._name = uuid.uuid4().hex
        self._held: set[str] = set()
        """Ids of the leases that this object holds."""

    @contextlib.asynccontextmanager
    async def hold(self, thread: str) -> AsyncIterator[None]:
        """Hold the thread for the block.

        Raises:
            ThreadBusy: a live process holds it.
            TierUnavailable: Redis cannot be reached.
        """
        key, lease = _KEY.format(thread=thread), uuid.uuid4().hex
        token = json.dumps(_process(os.getpid()) | {"name": self._name, "lease": lease})
        await self._take(key, token)
        self._held.add(lease)
        lost = asyncio.Event()
        renewing = asyncio.create_task(self._renew(key, token, lost, asyncio.current_task()))
        try:
            yield
        except asyncio.CancelledError:
            if not lost.is_set():
                raise
            raise ThreadBusy("Another process took over this thread while this one was stalled.") from None
        finally:
            self._held.discard(lease)  # first: the rest may be cancelled
            await end(renewing)
            with contextlib.suppress(TierUnavailable):
                await run_script(self._client, RELEASE, [key], token)

    @translate_errors()
    async def _take(self, key: str, token: str) -> None:
        lifetime, client = int(LEASE_SECONDS * 1000), await self._client()
        if await client.set(key, token, nx=True, px=lifetime):
            return
        holder = await client.get(key)
        if holder is not None and self._may_run(holder):
            raise ThreadBusy("Another process is answering in this thread. Wait for it, or use /new.")
        taken = (
            await client.set(key, token, nx=True, px=lifetime)
            if holder is None
            else await run_script(self._client, _TAKE_OVER, [key], holder, token, lifetime)
        )
        if not taken:
            raise ThreadBusy("Another process has just started to answer in this thread.")

    async def _renew(
        self, key: str, token: str, lost: asyncio.Event, holder: "asyncio.Task[Any] | None"
    ) -> None:
        """Renew the lease; if another process has taken it over, cancel its block until that ends.

        One cancellation is not enough: Python 3.11 loses one that arrives just as a `wait_for` finishes.
        """
        milliseconds = int(LEASE_SECONDS * 1000)
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            with contextlib.suppress(TierUnavailable):
                if lost.is_set() or not await run_script(self._client, RENEW, [key], token, milliseconds):
                    lost.set()
                    if holder is not None:
                        holder.cancel()

    def _may_run(self, holder: bytes | str) -> bool:
        """Return True when the holder's block may still run; on another machine it always may.

        A lease of this object may be left over, if Redis was down when its block ended.
        """
        try:
            who = json.loads(holder)
            host, pid, born = who["host"], int(who["pid"]), float(who["born"])
            name, lease = who["name"], who["lease"]
        except (ValueError, KeyError, TypeError):
            return False
        if name == self._name:
            return lease in self._held
        return host != socket.gethostname() or _is_alive(pid, born)


@cache
def _process(pid: int) -> dict[str, Any]:
    """Identify a process; cached by pid, since a fork has another."""
    return {"host": socket.gethostname(), "pid": pid, "born": _born(psutil.Process(pid))}


def _is_alive(pid: int, born: float) -> bool:
    """Return True when the process runs; zombies do not."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and abs(_born(process) - born) < 1.0
    except psutil.NoSuchProcess:
        return False


def _born(process: psutil.Process) -> float:
    """Return a process's start in seconds since boot, which clock changes do not affect."""
    return process.create_time() - psutil.boot_time()
