"""The measures of lives in conversation against ones worked out by hand, and what a bad file is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.importers.source import BadImportFile
from bot.lab.bench.lives import Person, ProbeResult, read_lives
from bot.lab.bench.measures import measure_probes

AT = "2026-05-01T09:00:00+03:00"
TURNS = [{"id": name, "at": AT, "thread": "old", "user": f"about {name}", "assistant": ""} for name in "abcd"]


def person(*probes: dict[str, Any], language: str = "en") -> Person:
    told = [
        {"id": f"q{n}", "at": AT, "thread": "new", "user": "?", **probe} for n, probe in enumerate(probes)
    ]
    return Person.model_validate(
        {"id": "p", "language": language, "timezone": "Europe/Bucharest", "turns": TURNS, "probes": told}
    )


def probed(probe: dict[str, Any], *, shown: str = "", window: str = "", ranking: str = "abcd") -> ProbeResult:
    one = person(probe)
    return ProbeResult(
        person=one,
        probe=one.probes[0],
        ranking=tuple(ranking),
        shown=tuple(shown),
        window=tuple(window),
        superseded=(),
        decisions=(),
    )


def test_any_gold_counts_as_needed_and_all_needed_takes_every_one() -> None:
    asked = {"kind": "multi_hop", "gold": ["a", "b", "c"], "needed": ["a", "b"]}

    found = measure_probes([probed(asked, shown="cd"), probed(asked, shown="a", window="b")]).by_kind["all"]

    assert (found.needed, found.all_needed, found.extra) == (1.0, 0.5, 0.5)


def test_an_outdated_memory_is_alone_unless_a_right_one_is_in_the_prompt() -> None:
    asked = {"kind": "update", "gold": ["a"], "needed": ["a"], "wrong": ["b"]}

    found = measure_probes(
        [probed(asked, shown="b"), probed(asked, shown="ab"), probed(asked, shown="b", window="a")]
    )

    assert (found.outdated, found.with_outdated) == (1, 3)


def test_something_shown_for_a_near_miss_is_told_apart_from_small_talk() -> None:
    found = measure_probes(
        [
            probed({"kind": "small_talk"}, shown="a"),
            probed({"kind": "unanswerable"}),
            probed({"kind": "other_person"}, shown="a"),
        ]
    )

    assert found.false == {"other_person": (1, 1.0), "small_talk": (1, 1.0), "unanswerable": (1, 0.0)}
    assert found.near_misses == 0.5
    assert found.by_kind["all"].needed is None


def test_a_probe_in_an_archived_thread_has_that_thread_and_its_lead_as_conversation() -> None:
    probe: dict[str, Any] = {
        "kind": "follow_up",
        "thread": "old",
        "lead": [{"user": "hm", "assistant": "yes?"}],
    }
    one = person(probe)

    assert [turn_id for turn_id, _, _ in one.before(one.probes[0])] == [*"abcd", "q0:lead:0"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"timezone": "Mars"}, "people.0.timezone: invalid timezone: Mars"),
        ({"turns": [{"id": "a"}]}, "people.0.turns.0."),
    ],
)
def test_a_bad_file_is_refused_with_the_position(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    one = {"id": "p", "language": "en", "timezone": "UTC", "turns": [], "probes": []} | change
    file = tmp_path / "lives.json"
    file.write_text(json.dumps({"people": [one]}))

    with pytest.raises(BadImportFile) as refused:
        read_lives(file)

    assert said in str(refused.value)
