"""Observations in their owner's tables."""

import zlib
from datetime import timedelta

import pytest

from memory.database import OwnerTables
from memory.episodic.log.episode_log import EpisodeLog
from memory.episodic.log.observation_log import ObservationLog
from memory.models import Episode
from tests.observations import AT, observation


async def test_the_first_of_a_turn_stands(tables: OwnerTables) -> None:
    log = ObservationLog(tables)
    assert await log.put(observation("t1"), owner="ana")
    assert not await log.put(observation("t1", used=0), owner="ana")
    assert await log.get("t1", owner="ana") == observation("t1")
    assert await log.get("t2", owner="ana") is None
    assert await log.get("t1", owner="bob") is None


async def test_they_are_read_in_the_order_of_their_turns(tables: OwnerTables) -> None:
    log = ObservationLog(tables)
    for number in (2, 0, 1):
        await log.put(observation(f"t{number}", at=AT + timedelta(minutes=number)), owner="ana")
    assert [one.turn_id for one in await log.all(owner="ana")] == ["t0", "t1", "t2"]
    assert [one.turn_id for one in await log.recent(owner="ana", limit=2)] == ["t2", "t1"]
    assert await log.recent(owner="ana", limit=-1) == []
    assert await log.all(owner="bob") == []


async def test_one_that_is_damaged_is_left_out_and_counted(
    tables: OwnerTables, caplog: pytest.LogCaptureFixture
) -> None:
    log = ObservationLog(tables)
    for number in range(4):
        await log.put(observation(f"t{number}", at=AT + timedelta(minutes=number)), owner="ana")
    broken = zlib.compress(b'{"turn_id": 7}')
    damaged: list[tuple[bytes | str, str]] = [(b"no zlib", "t1"), (broken, "t2"), ("text", "t3")]
    sql = "UPDATE observations SET observation = ? WHERE turn_id = ?"
    await tables.write("ana", "episodic", lambda db: db.executemany(sql, damaged).rowcount)
    found, left_out = await log.readable(owner="ana")
    assert ([one.turn_id for one in found], left_out) == (["t0"], 3)
    assert "'t2' is left out" in caplog.text
    assert await log.get("t1", owner="ana") is None
    assert await log.count(owner="ana") == 4
    assert await log.count(owner="bob") == 0


async def test_they_go_with_the_owner(tables: OwnerTables) -> None:
    log, episodes = ObservationLog(tables), EpisodeLog(tables)
    await episodes.append(Episode(turn_id="t1", owner="ana", thread="1", message="hi", reply="", at=AT))
    await log.put(observation("t1"), owner="ana")
    await episodes.erase(owner="ana")
    assert await log.all(owner="ana") == []
    assert await log.put(observation("t1"), owner="ana")
