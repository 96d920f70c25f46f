"""Processes that are killed."""

import asyncio

import pytest

from memory.concurrency.tasks import reap


async def test_a_killed_process_is_waited_for_however_often_its_waiter_is_cancelled() -> None:
    process = await asyncio.create_subprocess_exec("sleep", "60")
    reaping = asyncio.create_task(reap(process))
    for _ in range(3):
        await asyncio.sleep(0)
        reaping.cancel()
    assert not reaping.done()
    process.kill()
    with pytest.raises(asyncio.CancelledError):
        await reaping
    assert process.returncode is not None
