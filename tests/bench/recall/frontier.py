"""The frontier of a rule, needed memories against extra ones; drawn by `make calibrate`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np

from bot.lab.bench.lives import ProbeResult, probe_result
from bot.lab.bench.measures import ALL, measure_probes
from bot.lab.curves import Curve, Point, curves_figure
from bot.pictures.canvas import png
from bot.pictures.picture_values import PALETTES
from graph.settings.context import TurnContext
from graph.state.turn_state import State
from memory.recall.gap_rules import GapRule
from memory.recall.staged import MOST, Staged
from nodes.gap_filter import filter_candidates
from tests.bench.recall.samples import LabelledProbe
from tests.bench.recall.staged_fit import message_log_odds

IMAGES = Path(__file__).parents[3] / "docs" / "images"
THRESHOLDS = np.linspace(0.02, 0.98, 25)
NEEDED = "Needed memory shown: messages that have an answer\nin the archive"
EXTRA = "Extra: memories shown that do not help,\nfor 100 messages"
NAMES = {
    GapRule.CALIBRATED: "calibrated",
    GapRule.NULL: "null turns",
    GapRule.RATIO: "largest gap (first version)",
}


def decide(each: LabelledProbe, context: TurnContext, staged: Staged | None = None) -> ProbeResult:
    """Decide on a probe again; the budget is kept, since memories of lives are short."""
    state = each.recalled.state
    recall = state["recall"]
    if staged is not None:
        calls = round(message_log_odds(staged.message, np.asarray(each.vector, np.float32)), 6)
        recall = replace(recall, query=replace(recall.query, calls=calls))
    decisions = filter_candidates({**state, "recall": recall}, context, None, staged)
    shown = [one.turn_id for one in decisions if one.kept]
    left = {**state, "recall": recall, "decisions": decisions}
    return _probed(each, left, shown)


def draw(asked: Sequence[LabelledProbe], fits: Mapping[str, Staged]) -> None:
    """Write the picture, light and dark; the fit for each person leaves that person out."""
    curves = [
        _staged(asked, fits),
        *(_rule(asked, rule, name) for rule, name in NAMES.items()),
        _always(asked),
    ]
    title = "What is shown of lives in conversation"
    for palette in PALETTES:
        figure = curves_figure(curves, title=title, coverage=NEEDED, risk=EXTRA, palette=palette)
        (IMAGES / f"frontier-{palette.name}.png").write_bytes(png(figure))


def _staged(asked: Sequence[LabelledProbe], fits: Mapping[str, Staged]) -> Curve:
    def at(threshold: float) -> tuple[float, float]:
        context = TurnContext(gap_threshold=threshold)
        return _measured(decide(each, context, fits[each.group]) for each in asked)

    needed, extra = zip(*map(at, THRESHOLDS.tolist()), strict=True)
    return Curve("staged", needed, extra, point=Point(*at(TurnContext().gap_threshold)))


def _rule(asked: Sequence[LabelledProbe], rule: GapRule, name: str) -> Curve:
    needed, extra = _measured(decide(each, TurnContext(gap_rule=rule)) for each in asked)
    return Curve(name, [needed], [extra])


def _always(asked: Sequence[LabelledProbe]) -> Curve:
    """Show the three best, for any message."""
    best = ((each, [one.turn_id for one in each.recalled.state["recall"].candidates]) for each in asked)
    needed, extra = _measured(_probed(each, dict(each.recalled.state), found[:MOST]) for each, found in best)
    return Curve(f"always the best {MOST}", [needed], [extra])


def _measured(probed: Iterable[ProbeResult]) -> tuple[float, float]:
    every = measure_probes(list(probed)).by_kind[ALL]
    return every.needed or 0.0, every.extra or 0.0


def _probed(each: LabelledProbe, state: Mapping[str, object], shown: Sequence[str]) -> ProbeResult:
    allocation = each.recalled.state["allocation"]
    in_window = {*allocation.conversation}
    kept = [turn_id for turn_id in shown if turn_id not in in_window]
    anew = {**state, "allocation": replace(allocation, recalled=kept, over_budget=())}
    return probe_result(each.person, each.probe, cast(State, anew))
