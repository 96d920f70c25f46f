"""Former tries on held-out turns: told apart, counted once, bounded, and kept whatever happens."""

import stat
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from graph.tuning.attempts import SKETCH, Attempt, AttemptLog
from graph.tuning.config_versions import ConfigVersions
from memory.errors import ConfigError
from memory.tuning.held_out import HeldOut
from tests.tables import each


def turns(days: Iterable[int], change: float = 0.1, before: float = 0.2) -> list[HeldOut]:
    return [HeldOut(group=f"day {day}", before=before, after=before + change) for day in days]


def tried(days: Iterable[int], change: float = 0.1) -> Attempt:
    return Attempt.of(turns(days, change))


def add(one: Attempt) -> None:
    file = ConfigVersions.here()
    with file.lock():
        AttemptLog(file.folder).add(one)


@pytest.fixture
def tries() -> AttemptLog:
    """Return the record of an empty folder."""
    return AttemptLog(ConfigVersions.here().folder)


def test_each_change_on_the_same_turns_has_the_next_number(tries: AttemptLog) -> None:
    some = [tried(range(20), change / 10) for change in range(5)]
    for number, one in enumerate(some, start=1):
        assert tries.number(one) == number
        add(one)
    assert [tries.number(one) for one in some] == [1, 2, 3, 4, 5]
    add(some[0])
    assert tries.all() == tuple(some)


def test_the_order_of_turns_makes_no_other_try() -> None:
    some = [*turns(range(8), 0.1), *turns(range(8), 0.3)]
    assert Attempt.of(some).scores == Attempt.of(some[::-1]).scores
    assert Attempt.of(some).scores != Attempt.of(turns([*range(8), *range(8)])).scores


def test_a_turn_more_is_another_try_on_the_same_turns(tries: AttemptLog) -> None:
    add(tried(range(20)))
    for days in ([*range(20), 0], range(21), range(10, 30), range(10)):
        assert tries.number(tried(days)) == 2
    assert tries.number(tried(range(11, 31))) == 1


@each(("first", "shared"), [(0, True), (500, True), (2_500, False), (5_000, False)])
def test_what_many_conversations_share_is_told_by_some_of_them(first: int, shared: bool) -> None:
    one, other = tried(range(3_000)), tried(range(first, first + 3_000))
    assert len(one.conversations) == SKETCH
    assert one.shares(other) == other.shares(one) == shared


def test_the_latest_are_kept(tries: AttemptLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graph.tuning.attempts.KEPT", 5)
    for change in range(5 + 3):
        add(tried(range(8), change / 1_000))
    assert len(tries.all()) == 5
    assert tries.number(tried(range(8), -0.5)) == 5 + 1


def test_two_at_once_follow_each_other(tries: AttemptLog) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda change: add(tried(range(8), change / 100)), range(16)))
    assert sorted(map(tries.number, tries.all())) == list(range(1, 17))


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", b"[]", b'{"tries": [{}]}', b'{"more": 1}', b"[" * 9_000]
)
def test_a_damaged_record_is_told_and_left_as_it_is(content: bytes, tries: AttemptLog) -> None:
    add(tried(range(8)))
    tries.path.write_bytes(content)
    for use in (tries.number, add):
        with pytest.raises(ConfigError, match=r"tries\.json is damaged: .* Delete it to count again"):
            use(tried(range(8), 0.5))
    assert tries.path.read_bytes() == content
    tries.path.unlink()
    assert tries.number(tried(range(8), 0.5)) == 1


def test_a_record_that_cannot_be_read_is_told(tries: AttemptLog) -> None:
    tries.path.mkdir(parents=True)
    with pytest.raises(ConfigError, match="cannot be used"):
        tries.all()


def test_it_is_private_and_no_version(tries: AttemptLog) -> None:
    add(tried(range(8)))
    assert stat.S_IMODE(tries.path.stat().st_mode) == 0o600
    assert ConfigVersions.here().versions() == []
    assert sorted(path.name for path in Path("goat.toml.kept").iterdir()) == ["lock", "tries.json"]
