"""One's own past, decided again, measured and tuned with sliders; without a kernel."""

import asyncio
import importlib
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

import bot.lab
from bot.lab import MODULES
from bot.lab.past.notebook_archive import NotebookArchive
from bot.lab.past.own_past import Past
from bot.lab.past.past_figures import (
    baselines,
    by_group,
    compare,
    groups_figure,
    halves_figure,
    precision_recall_figure,
    reliability_figure,
    reliability_of,
    sweep_figure,
)
from bot.lab.past.past_result import halves_of, propose, result_of
from bot.lab.past.threshold_ranges import RANGES
from bot.lab.past.tuner import MISSED, VAIN, Tuner
from bot.pictures.canvas import png
from graph.layers import open_layers
from graph.settings.settings import Settings
from memory.errors import ConfigError
from memory.tuning.curves import BEST, NOTHING
from tests.nursery import ROOT
from tests.past import past

OWNER = "ana"
HOSTILE = "<img src=x onerror=alert(1)> \x1b[2J"


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Past]:
    """Three days with a helpful memory at 90 %, a useless one at 60 % and a helpful one at 40 %."""
    async with open_layers(Settings(data_folder=tmp_path, owner=OWNER)) as layers:
        opened = Past(NotebookArchive(layers=layers, owner=OWNER, turns=3), AsyncExitStack())
        opened.past_turns = [
            past(f"t{day}", {f"good{day}": 0.9, f"bad{day}": 0.6, f"weak{day}": 0.4}, day=day)
            for day in range(3)
        ]
        yield opened


async def label_all(own: Past) -> None:
    for turn in own.past_turns:
        for candidate in turn.offered:
            await own.label(turn.turn_id, candidate.turn_id, helps=not candidate.turn_id.startswith("bad"))


async def test_other_thresholds_list_what_comes_and_what_goes(own: Past) -> None:
    stricter, looser = own.decide(gap_threshold=0.7), own.decide(gap_threshold=0.3)
    assert set(stricter.changes.change + stricter.changes.memory) == {"-bad0", "-bad1", "-bad2"}
    assert set(looser.changes.change + looser.changes.memory) == {"+weak0", "+weak1", "+weak2"}
    assert own.decide().changes.empty
    assert list(stricter.budgets.columns) == ["budget", "identity and facts", "conversation", "memory"]
    assert "3 of 3" in str(stricter)


@pytest.mark.parametrize(
    ("thresholds", "said"),
    [
        ({"gap_treshold": 0.5}, "Unknown threshold gap_treshold"),
        ({"fusion_dense": 0.0}, "fusion_dense cannot be decided here"),
        ({"gap_calibration": "mine"}, "gap_calibration cannot be decided here"),
        ({"prefetch_results": 50}, "prefetch_results cannot be decided here"),
    ],
)
async def test_what_one_search_cannot_decide_is_refused(
    own: Past, thresholds: dict[str, float | str], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        own.decide(**thresholds)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"fusion_dense": 0.05}, "fusion_dense cannot be decided here"),
        ({"prefetch_results": 100}, "prefetch_results cannot be decided here"),
        ({"gap_treshold": 0.5}, "Unknown threshold gap_treshold"),
    ],
)
async def test_what_one_search_cannot_decide_is_not_proven_either(
    own: Past, more: dict[str, float], said: str
) -> None:
    await label_all(own)
    with pytest.raises(ConfigError, match=said):
        result_of(own, {"gap_threshold": 0.7, **more})
    assert result_of(own, {"gap_threshold": 0.7}) is not None


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no folder '.*/elsewhere'.*Give the folder that goat.toml"):
        await Past.open(OWNER, folder=tmp_path / "elsewhere")


async def test_a_value_out_of_range_is_refused(own: Past) -> None:
    with pytest.raises(ValidationError):
        own.decide(gap_threshold=1.5)


async def test_only_completely_labelled_turns_are_measured(own: Past) -> None:
    await own.label("t0", "good0", helps=True)
    assert own.decide().point is None
    assert own.sweep() == []
    tuner = Tuner(own, pause=0)
    await settled(tuner)
    assert {curve.layout.display for curve in tuner.curves.values()} == {"none"}
    assert baselines(own) == by_group(own, "kind") == {}
    assert compare(own, {"gap_threshold": 0.7}) is None
    await own.label("t0", "bad0", helps=False)
    await own.label("t0", "weak0", helps=True)
    point = own.decide().point
    assert point is not None
    assert point.turns == 1
    assert point.precision is not None
    assert point.precision.value == 0.5


@pytest.mark.parametrize("helps", [True, None])
async def test_a_label_of_an_unknown_turn_or_memory_is_refused(own: Past, *, helps: bool | None) -> None:
    with pytest.raises(ConfigError, match="No turn 'nope'"):
        await own.label("nope", "good0", helps=helps)
    with pytest.raises(ConfigError, match="Turn 't0' did not find a memory 'good1'"):
        await own.label("t0", "good1", helps=helps)
    assert await own.layers.labels.all(owner=OWNER) == []


async def test_a_label_of_a_turn_that_is_left_out_by_now_can_be_deleted(own: Past) -> None:
    await own.label("t0", "good0", helps=True)
    own.past_turns = own.past_turns[1:]
    await own.label("t0", "good0", helps=None)
    assert await own.layers.labels.all(owner=OWNER) == []


async def test_a_new_label_changes_every_measure(own: Past) -> None:
    await label_all(own)
    (before,) = own.sweep([0.5])
    await own.label("t0", "bad0", helps=True)
    (after,) = own.sweep([0.5])
    assert before.precision is not None
    assert after.precision is not None
    assert before.precision.value < after.precision.value
    found = reliability_of(own)
    assert found is not None
    assert sum(one.memories for one in found.bins) == 9
    await own.label("t0", "bad0", helps=None)
    found = reliability_of(own)
    assert found is not None
    assert sum(one.memories for one in found.bins) == 6, "a turn without all its labels is not measured"


async def test_what_a_labelling_session_saves_counts_at_once(own: Past) -> None:
    session = own.session()
    assert own.decide().point is None
    assert own.sweep([0.5]) == []
    while session.current is not None:
        await session.answer(session.current.candidate.turn_id.startswith("good"))
    point = own.decide().point
    assert point is not None
    assert point.turns == own.sweep([0.5])[0].turns == 3
    assert len(await own.layers.labels.all(owner=OWNER)) == 9
    await session.back()
    await session.answer(None)
    assert len(own.labels.all) == 8
    assert own.sweep([0.5])[0].turns == 2


@pytest.mark.filterwarnings("error")
async def test_the_labels_of_one_day_have_no_interval(own: Past) -> None:
    own.past_turns = [
        past(f"t{number}", {f"good{number}": 0.9, f"bad{number}": 0.6, f"weak{number}": 0.4})
        for number in range(3)
    ]
    await label_all(own)
    told = str(own.decide(gap_threshold=0.7))
    assert "100% (one day: no interval)" in told
    assert "nan" not in told
    assert "(one day: no interval)" in str(compare(own, {"gap_threshold": 0.7}))
    figures = (
        sweep_figure(own),
        precision_recall_figure(own),
        reliability_figure(own),
        groups_figure(own, "kind"),
        halves_figure(own),
    )
    for figure in figures:
        assert png(figure)


async def test_every_threshold_with_a_slider_can_be_swept(own: Past) -> None:
    await label_all(own)
    for name in RANGES:
        steps = [point.threshold for point in own.sweep(name=name)]
        assert len(steps) == (15 if name == "prefetch_results" else 21), name
        assert steps == sorted(steps), name
        assert steps[0] <= getattr(own.in_force, name) <= steps[-1], name
        assert sweep_figure(own, name=name).axes, name


async def test_a_sweep_takes_numbers_of_numpy(own: Past) -> None:
    await label_all(own)
    others: dict[str, Any] = {"gap_break": np.float32(2), "l3_minimum": np.int64(100)}
    found = own.sweep(list(np.linspace(0, 1, 3)), others=others)
    assert [point.threshold for point in found] == [0, 0.5, 1]
    assert found == own.sweep([0, 0.5, 1], others={"gap_break": 2.0, "l3_minimum": 100})
    assert len(own.sweep(list(np.arange(1, 4)), name="prefetch_results")) == 3


async def test_false_positives_and_misses_are_listed_with_their_texts(own: Past) -> None:
    await label_all(own)
    decided = own.decide()
    assert set(decided.false_positives.text) == {"matter bad0", "matter bad1", "matter bad2"}
    assert set(decided.misses.text) == {"matter weak0", "matter weak1", "matter weak2"}


async def test_the_baselines_are_showing_nothing_and_always_the_best(own: Past) -> None:
    await label_all(own)
    found = baselines(own)
    nothing, best = found[NOTHING], found[BEST]
    assert nothing.recall is not None
    assert best.recall is not None
    assert best.precision is not None
    assert (nothing.recall.value, best.recall.value) == (0, 1)
    assert best.precision.value == pytest.approx(2 / 3)


@pytest.mark.filterwarnings("error")
async def test_without_turns_there_are_tables_and_curves_too(own: Past) -> None:
    empty = Past(NotebookArchive(layers=own.layers, owner=OWNER, turns=0), AsyncExitStack())
    assert list(empty.turns.columns) == list(own.turns.columns)
    assert empty.turns.groupby(["kind", "language"])[["found", "shown"]].agg(["count", "mean"]).empty
    assert empty.decide().changes.empty
    for figure in (groups_figure(empty, "kind"), sweep_figure(empty), precision_recall_figure(empty)):
        assert png(figure)


async def test_two_settings_are_compared_turn_by_turn(own: Past) -> None:
    await label_all(own)
    found = compare(own, {"gap_threshold": 0.7})
    assert found is not None
    assert (found.better, found.worse, found.groups) == (3, 0, 3)
    assert found.difference.value == pytest.approx(0.5)
    back = compare(own, {"gap_threshold": 0.7}, {"gap_threshold": 0.5})
    assert back is not None
    assert back.difference.value == pytest.approx(-0.5)


async def test_the_notebook_says_that_nothing_can_be_compared_without_labels(
    own: Past, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = json.loads((ROOT / "notebooks" / "05_your_own_chats.ipynb").read_text(encoding="utf-8"))
    (cell,) = [one for one in notebook["cells"] if one["id"] == "own-30"]
    exec("".join(cell["source"]), {"past": own})
    said = capsys.readouterr().out
    assert "gap_threshold 0.3: no turn has all its labels" in said
    assert "None" not in said


async def test_groups_are_those_that_exist(own: Past) -> None:
    await label_all(own)
    assert list(by_group(own, "archive")) == ["up to  1,000 turns"]
    with pytest.raises(ConfigError, match="Known: language, kind, archive"):
        by_group(own, "mood")


async def settled(tuner: Tuner) -> None:
    """Wait for the latest task."""
    assert tuner.working is not None
    await asyncio.wrap_future(tuner.working)


async def test_of_many_moves_the_latest_is_decided(own: Past) -> None:
    await label_all(own)
    tuner = Tuner(own, pause=0)
    for threshold in (0.9, 0.8, 0.3):
        tuner.set(gap_threshold=threshold)
    await settled(tuner)
    assert tuner.changes == {"gap_threshold": 0.3}
    assert len(tuner.memories.options) == 3
    assert all(line.startswith("+") for line in tuner.memories.options)
    assert all(bytes(curve.value).startswith(b"\x89PNG") for curve in tuner.curves.values())
    assert {curve.layout.display for curve in tuner.curves.values()} == {None}


async def test_a_click_shows_the_turn_and_a_label_is_saved_and_measured(own: Past) -> None:
    await label_all(own)
    tuner = Tuner(own, pause=0)
    await settled(tuner)
    tuner.listed.value = VAIN
    tuner.memories.index = 0
    assert tuner.inspector.message.text == "question t0"
    assert next(iter(tuner.inspector.choices)) == "bad0"
    tuner.inspector.choices["bad0"].value = "helps"
    assert tuner.inspector.saving is not None
    await asyncio.wrap_future(tuner.inspector.saving)
    await settled(tuner)
    assert own.labels.of("t0", "bad0") is True
    assert [one.relevant for one in await own.layers.labels.all(owner=OWNER) if one.memory == "bad0"] == [
        True
    ]
    assert tuner.decided.false_positives.empty
    tuner.listed.value = MISSED
    assert len(tuner.memories.options) == 1


async def test_the_sliders_measure_the_half_that_settings_are_chosen_on(own: Past) -> None:
    await label_all(own)
    chosen = {one.turn.turn_id for one in halves_of(own).choosing}
    assert chosen == {"t0"}
    tuner = Tuner(own, pause=0)
    tuner.set(gap_threshold=0.3)
    await settled(tuner)
    assert set(tuner.decided.changes.turn) == {"t0", "t1", "t2"}
    assert tuner.decided.point is not None
    assert tuner.decided.point.turns == 1
    assert set(tuner.decided.false_positives.turn) == chosen
    tuner.set(gap_threshold=0.95)
    await settled(tuner)
    assert set(tuner.decided.misses.turn) == chosen
    drawn = {name: bytes(curve.value) for name, curve in tuner.curves.items()}
    assert "1 labelled turns of the earlier half" in tuner.summary.value
    assert "2 of the later half are kept for the test" in tuner.summary.value
    await own.label("t2", "bad2", helps=True)
    again = Tuner(own, pause=0)
    again.set(gap_threshold=0.95)
    await settled(again)
    assert {name: bytes(curve.value) for name, curve in again.curves.items()} == drawn
    assert len(own.labels.all) == 9
    assert own.sweep([0.5])[0].turns == 3


async def test_the_rule_of_the_ranking_can_be_chosen(own: Past) -> None:
    tuner = Tuner(own, pause=0)
    tuner.set(rank_rule="blend")
    await settled(tuner)
    assert tuner.changes == {"rank_rule": "blend"}
    assert tuner.decided.context.rank_rule == "blend"


async def test_tables_have_the_labels_of_now(own: Past) -> None:
    decided = own.decide(gap_threshold=0.3)
    assert decided.memories.helps.isna().all()
    assert decided.point is None
    await label_all(own)
    assert decided.memories.helps.notna().all()
    assert len(decided.false_positives) == 3
    assert decided.changes.helps.all()
    assert decided.point is not None


async def test_without_labels_to_choose_on_nothing_is_said_to_be_worse(own: Past) -> None:
    (why,) = propose(result_of(own, {"gap_threshold": 0.7}))
    assert "no turn of the earlier half of your days has all its labels" in why


async def test_the_curve_names_the_thresholds_that_were_swept(own: Past) -> None:
    await label_all(own)
    named = {
        figure: [line.get_label() for line in figure.axes[0].lines]
        for figure in (
            precision_recall_figure(own),
            precision_recall_figure(own, [0.2, 0.6]),
            precision_recall_figure(own, name="gap_break", gap_threshold=0.0),
        )
    }
    whole, part, broken = named.values()
    assert "thresholds, from 0 (right) to 1 (left)" in whole
    assert "thresholds, from 0.2 (right) to 0.6 (left)" in part
    assert "thresholds, from 15 (right) to 0.1 (left)" in broken


async def test_texts_of_others_are_shown_as_they_are(own: Past) -> None:
    own.past_turns = [past(HOSTILE, {"x": 0.9})]
    tuner = Tuner(own, pause=0)
    tuner.set(gap_threshold=0.95)
    await settled(tuner)
    tuner.memories.index = 0
    assert "<img" not in tuner.inspector.message.value
    assert "\x1b" not in "".join(tuner.memories.options) + own.turns.message.iloc[0]


def test_every_name_of_the_notebooks_exists() -> None:
    for name, module in MODULES.items():
        assert getattr(bot.lab, name) is getattr(importlib.import_module(module), name)


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no 'nothing'"):
        _ = bot.lab.nothing
    assert "Past" in dir(bot.lab)
