"""What is kept of a turn beside its words, and what many of them add up to."""

import json
import math
from datetime import date

import pytest
from hypothesis import given, strategies as st

from bot.presentation.usage_figures import STEPS, stats_text
from memory.models import Outcome, SearchReport, SearchStatus
from memory.observation.figures import (
    ERROR,
    LEAST,
    MOST,
    MOST_STAGES,
    TURN,
    Metrics,
    add_counters,
    bucket,
    counts_of,
    figures_of,
    peaks_of,
    quantile,
    value,
)
from memory.observation.observation import Observation
from tests.observations import observation
from tests.tables import each

durations = st.floats(LEAST, MOST)


def test_an_observation_is_read_back_as_it_was() -> None:
    whole = observation()
    assert Observation.from_json(whole.to_json()) == whole


def test_what_an_older_version_did_not_write_has_its_default() -> None:
    old = {"turn_id": "t", "owner": "ana", "thread": "1", "at": "2026-05-01T12:00:00Z", "outcome": "answered"}
    read = Observation.from_json(json.dumps(old | {"of another version": 1}))
    assert (read.decisions, read.calls, read.milliseconds, read.searches) == ((), (), 0.0, {})
    assert read.zone == ""


def test_a_decision_of_an_older_version_is_read_as_superseded_by_nothing() -> None:
    whole = json.loads(observation().to_json())
    del whole["decisions"][0]["superseded_by"]
    assert Observation.from_json(json.dumps(whole)) == observation()


def test_a_rule_that_does_not_exist_is_refused_by_its_name() -> None:
    whole = json.loads(observation().to_json())
    whole["decisions"][0]["rule"] = "calibratde"
    with pytest.raises(ValueError, match="calibratde"):
        Observation.from_json(json.dumps(whole))


@each("text", ["", "[]", "{}", '{"turn_id": 5}'])
def test_what_is_no_observation_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Observation"):
        Observation.from_json(text)


@given(durations)
def test_a_bucket_is_read_within_its_error(milliseconds: float) -> None:
    assert abs(value(bucket(milliseconds)) - milliseconds) <= milliseconds * (ERROR + 1e-6)


@given(st.lists(durations, min_size=1, max_size=200), st.sampled_from([0.5, 0.95, 1.0]))
def test_a_quantile_is_off_by_less_than_five_in_a_hundred(values: list[float], share: float) -> None:
    counts: dict[int, int] = {}
    for one in values:
        counts[bucket(one)] = counts.get(bucket(one), 0) + 1
    exact = sorted(values)[max(math.ceil(share * len(values)), 1) - 1]
    assert ERROR < 0.05
    assert abs(quantile(counts, share) - exact) <= exact * 0.05


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_there_are_few_buckets_whatever_is_counted(milliseconds: float) -> None:
    assert bucket(LEAST) <= bucket(milliseconds) <= bucket(MOST)
    assert bucket(MOST) - bucket(LEAST) + 1 <= 185


def test_figures_add_up() -> None:
    first = observation(
        "1", searches={"thematic": SearchReport(status=SearchStatus.CACHED)}, tiers_down=["permanent"]
    )
    second = observation("2", used=0, outcome=Outcome.FAILED, milliseconds=2000.0, calls=())
    counters: dict[str, int] = {}
    for one in (first, second):
        counters = add_counters(counters, counts_of(one) | peaks_of(one))
    figures = figures_of(counters)
    assert (figures.turns, figures.cached, figures.injected, figures.injection_rate) == (2, 1, 1, 0.5)
    assert figures.outcomes == {"answered": 1, "failed": 1}
    assert figures.searches == {"thematic:cached": 1, "thematic:ok": 1}
    assert figures.tiers_down == {"permanent": 1}
    assert (figures.tool_calls, figures.tool_failures, figures.corrected) == (2, 1, 2)
    assert (figures.stages[TURN].count, figures.stages[TURN].most) == (2, 2000.0)
    assert figures.stages[TURN].p50 == pytest.approx(930, rel=0.05)
    assert figures.stages["prefetch"].p95 <= 30.0


def test_no_name_that_people_could_choose_becomes_a_counter() -> None:
    stages = {f"n{number}": 1.0 for number in range(200)} | {"my PIN is 4711": 1.0}
    odd = observation(
        stages=stages, tiers_down=["A b"], searches={"x y": SearchReport(status=SearchStatus.OK)}
    )
    names = " ".join(counts_of(odd) | peaks_of(odd))
    assert "4711" not in names
    assert "A b" not in names
    assert "x y" not in names
    assert sum(name.startswith("most:") for name in peaks_of(odd)) <= MOST_STAGES + 1


def test_what_is_told_of_the_days() -> None:
    figures = figures_of(counts_of(observation()) | peaks_of(observation()))
    metrics = Metrics(days={date(2026, 4, 30): figures_of({}), date(2026, 5, 1): figures}, whole=figures)
    told = stats_text(metrics, lambda key, **values: f"{key} {values}")
    assert "'turns': 1" in told
    assert f"'picture': '{STEPS[0]}{STEPS[-1]}'" in told
    assert stats_text(Metrics(days={}, whole=figures_of({})), lambda key, **values: key) == ""
    assert list(metrics.as_json()["days"]) == ["2026-05-01"]
    json.dumps(metrics.as_json())
