"""The lease of a thread, over a real server."""

import asyncio
import contextlib

import pytest

from graph.checkpoint import thread_leases as lease
from graph.checkpoint.thread_leases import ThreadLeases
from memory.errors import ThreadBusy
from memory.working.redis_connection import RedisConnection


async def test_a_lease_that_is_held_for_long_is_renewed(
    valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "LEASE_SECONDS", 9.0)
    connection = RedisConnection(valkey_url)
    client = await connection.client()
    try:
        async with ThreadLeases(connection.client).hold("thread"):
            left = before = await client.pttl("goat:{thread}:lease")
            while 0 < left <= before:
                before = left
                await asyncio.sleep(0.02)
                left = await client.pttl("goat:{thread}:lease")
            assert left > before
    finally:
        await connection.close()


async def test_a_block_whose_cancellation_is_lost_ends_all_the_same(
    valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "LEASE_SECONDS", 0.3)
    connection = RedisConnection(valkey_url)
    client = await connection.client()

    async def lose_a_cancellation() -> None:
        async with ThreadLeases(connection.client).hold("thread"):
            await client.set("goat:{thread}:lease", "another process's")
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            await asyncio.sleep(30)

    try:
        with pytest.raises(ThreadBusy):
            await lose_a_cancellation()
    finally:
        await connection.close()


async def test_a_lease_whose_release_is_cancelled_does_not_keep_its_own_process_out(valkey_url: str) -> None:
    connection = RedisConnection(valkey_url)
    leases, held = ThreadLeases(connection.client), asyncio.Event()

    async def hold() -> None:
        async with leases.hold("thread"):
            held.set()
            await asyncio.Event().wait()

    try:
        holding = asyncio.create_task(hold())
        await held.wait()
        while not holding.done():
            holding.cancel()
            await asyncio.sleep(0)
        async with leases.hold("thread"):
            pass
    finally:
        await connection.close()
