"""Labels made by hand, in their owner's tables."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from memory.database import OwnerTables
from memory.episodic.log.episode_log import EpisodeLog
from memory.episodic.log.feedback_log import Label, LabelLog
from memory.models import Episode

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


def label(turn_id: str, memory: str, *, relevant: bool, minutes: int = 0) -> Label:
    return Label(turn_id=turn_id, memory=memory, relevant=relevant, at=AT + timedelta(minutes=minutes))


async def test_the_latest_on_a_turn_and_a_memory_stands(tables: OwnerTables) -> None:
    log = LabelLog(tables)
    await log.put([label("t2", "m1", relevant=True), label("t2", "m2", relevant=False)], owner="ana")
    await log.put([label("t2", "m1", relevant=False, minutes=1)], owner="ana")
    await log.put([label("t1", "m1", relevant=True, minutes=2)], owner="ana")
    await log.put([], owner="ana")
    await log.remove("t2", "m2", owner="ana")
    await log.remove("t2", "never said", owner="ana")
    assert await log.all(owner="ana") == [
        label("t2", "m1", relevant=False, minutes=1),
        label("t1", "m1", relevant=True, minutes=2),
    ]
    assert await log.all(owner="bob") == []


async def test_they_go_with_the_owner(tables: OwnerTables) -> None:
    log = LabelLog(tables)
    await log.put([label("t1", "m1", relevant=True)], owner="ana")
    await EpisodeLog(tables).erase(owner="ana")
    assert await log.all(owner="ana") == []
    await EpisodeLog(tables).append(
        Episode(turn_id="t1", owner="ana", thread="1", message="hi", reply="", at=AT)
    )
    await log.put([label("t1", "m1", relevant=True)], owner="ana")
    await EpisodeLog(tables).erase(owner="ana")
    assert await log.all(owner="ana") == []


async def test_what_cannot_be_stored_is_refused_and_nothing_of_it_kept(tables: OwnerTables) -> None:
    log, fine = LabelLog(tables), label("t1", "m1", relevant=True)
    for bad in (
        replace(fine, turn_id="\ud800"),
        replace(fine, memory="\ud800"),
        replace(fine, at=datetime(2026, 5, 1, 12)),  # noqa: DTZ001
    ):
        with pytest.raises(ValueError, match=r"."):
            await log.put([fine, bad], owner="ana")
    assert await log.all(owner="ana") == []
