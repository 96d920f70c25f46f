"""Kill -9 at 200 points of a stream of turns: nothing is lost, nothing stands twice."""

import asyncio
import time
from pathlib import Path

import pytest

from graph.app import open_agent
from tests.crash.check import check
from tests.crash.running import running_trial
from tests.nursery import running_nursery

KILLS = 200


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_nothing_is_lost_or_doubled_over_200_kills(
    tmp_path: Path, hash_vectors: None, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    with (
        running_nursery() as nursery,
        running_trial(nursery, tmp_path / "data", seed=200) as (trial, settings),
    ):
        await asyncio.to_thread(trial.kill, KILLS)
        async with open_agent(settings) as agent:
            found = await check(agent, trial.told, trial.replies)
    with capsys.disabled():
        print(f"\n{trial.summary()}, {time.monotonic() - began:.0f} s")  # noqa: T201 - what a soak is run for
    assert found.all == []
