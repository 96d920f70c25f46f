"""Former tries on held-out turns: told apart, counted once, bounded, and kept whatever happens."""

import json
import stat
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from graph.tuning.attempts import Attempt, AttemptLog
from graph.tuning.config_backup import ConfigBackup
from memory.errors import ConfigError
from memory.tuning.held_out import HeldOut

KEPT_IN = Path("goat.toml.kept")


def turns(days: Iterable[int], change: float = 0.1, before: float = 0.2) -> list[HeldOut]:
    return [HeldOut(group=f"day {day}", before=before, after=before + change) for day in days]


def tried(days: Iterable[int], change: float = 0.1) -> Attempt:
    return Attempt.of(turns(days, change))


def log() -> AttemptLog:
    return AttemptLog.read(ConfigBackup.here().folder)


def add(one: Attempt) -> None:
    file = ConfigBackup.here()
    with file.lock():
        log().add(one, file.folder)


def test_each_change_on_the_same_turns_has_the_next_number() -> None:
    some = [tried(range(20), change / 10) for change in range(5)]
    for number, one in enumerate(some, start=1):
        assert log().number(one) == number
        add(one)
    assert [log().number(one) for one in some] == [1, 2, 3, 4, 5]
    add(some[0])
    assert log().tries == tuple(some)


def test_the_order_of_turns_makes_no_other_try() -> None:
    some = [*turns(range(8), 0.1), *turns(range(8), 0.3)]
    assert Attempt.of(some).scores == Attempt.of(some[::-1]).scores
    assert Attempt.of(some).scores != Attempt.of(turns([*range(8), *range(8)])).scores


def test_a_turn_more_is_another_try_on_the_same_turns() -> None:
    add(tried(range(20)))
    for days in ([*range(20), 0], range(21), range(10, 30), range(10)):
        assert log().number(tried(days)) == 2
    assert log().number(tried(range(11, 31))) == 1


def test_a_try_that_an_earlier_version_stored_counts() -> None:
    """It stored the time as well, and of many conversations a sample."""
    many = tried(range(3_000))
    sample = sorted(many.conversations)[:64]
    KEPT_IN.mkdir()
    stored = {"at": "2026-03-01T12:00:00Z", "scores": "a" * 64, "conversations": sample}
    (KEPT_IN / "tries.json").write_text(json.dumps({"tries": [stored]}))
    assert [log().number(tried(range(first, first + 3_000))) for first in (0, 500, 2_500)] == [2, 2, 1]


def test_the_latest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graph.tuning.attempts.KEPT", 5)
    for change in range(5 + 3):
        add(tried(range(8), change / 1_000))
    assert len(log().tries) == 5
    assert log().number(tried(range(8), -0.5)) == 5 + 1


def test_two_at_once_follow_each_other() -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda change: add(tried(range(8), change / 100)), range(16)))
    assert sorted(map(log().number, log().tries)) == list(range(1, 17))


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", b"[]", b'{"tries": [{}]}', b'{"more": 1}', b"[" * 9_000]
)
def test_a_damaged_record_is_told_and_left_as_it_is(content: bytes) -> None:
    add(tried(range(8)))
    path = KEPT_IN / "tries.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"tries\.json is damaged: .* Delete it to count again"):
        add(tried(range(8), 0.5))
    assert path.read_bytes() == content
    path.unlink()
    assert log().number(tried(range(8), 0.5)) == 1
    path.mkdir()
    with pytest.raises(ConfigError, match="cannot be used"):
        log()


def test_it_is_private_and_no_backup() -> None:
    add(tried(range(8)))
    assert stat.S_IMODE((KEPT_IN / "tries.json").stat().st_mode) == 0o600
    assert sorted(path.name for path in KEPT_IN.iterdir()) == ["lock", "tries.json"]
    with pytest.raises(ConfigError, match="nothing to return to"):
        ConfigBackup.here().former()
