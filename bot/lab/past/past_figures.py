"""Measures and figures of an owner's labelled turns: sweeps, precision and recall, reliability, groups."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from bot.lab.bench.outcome import grouped
from bot.lab.curves import precision_recall_curve, reliability_diagram
from bot.lab.past.decided_past import GROUPS, Decided
from bot.lab.past.labelled_turns import turn_counts
from bot.lab.past.own_past import Past
from bot.lab.past.past_result import halves_of
from bot.lab.past.past_turns import GRID
from bot.lab.plots import bars_figure, lines_figure
from memory.errors import ConfigError
from memory.tuning.curves import BEST, LabelledTurn, OperatingPoint, baseline_points, measure
from memory.tuning.reliability import Reliability, reliability
from memory.tuning.resampling import Estimate, PairedTest, paired_test
from memory.tuning.tuning_result import Value


def baselines(past: Past) -> dict[str, OperatingPoint]:
    """Return the metrics of showing nothing and of always showing the best; empty without labels."""
    return baseline_points(_scored(past.decide()))


def by_group(past: Past, by: str, **thresholds: Value) -> dict[str, OperatingPoint]:
    """Return the metrics of groups of labelled turns: by "language", "kind" or "archive" (its size).

    Raises:
        ConfigError: there is no such grouping.
    """
    if by not in GROUPS:
        raise ConfigError(f"Unknown grouping {by!r}. Known: {', '.join(GROUPS)}.")
    context = past.with_thresholds(thresholds)
    groups = grouped(past.labelled, lambda one: GROUPS[by](one.turn))
    return {name: measure(turn_counts(some, context)) for name, some in groups.items()}


def reliability_of(past: Past, **thresholds: Value) -> Reliability | None:
    """Compare the probabilities of the labelled turns' memories with their labels; None without any."""
    return reliability(_scored(past.decide(**thresholds)))


def compare(
    past: Past, before: Mapping[str, Value], after: Mapping[str, Value] | None = None
) -> PairedTest | None:
    """Compare two settings on the labelled turns by a turn's utility; None without labelled turns.

    With `before` alone, those in force are compared with it.
    """
    turns = past.labelled
    values = [
        [counts.utility for counts in turn_counts(turns, past.with_thresholds(changes))]
        for changes in (({}, before) if after is None else (before, after))
    ]
    return paired_test(values[0], values[1], [one.turn.day for one in turns])


def _scored(decided: Decided) -> list[LabelledTurn]:
    labels = decided.labels
    return [labels.scored(one.turn, one.decisions) for one in decided.turns if labels.done(one.turn)]


COVERAGE = "coverage: turns with a memory that helps, and one is shown"
PRECISION = "Precision and recall on your labelled turns"
NOISE = "noise: memories shown that do not help"


def sweep_figure(
    past: Past, steps: Sequence[float] | None = None, *, name: str = "gap_threshold", **thresholds: Value
) -> Figure:
    """Draw coverage and noise over a threshold, with the baselines and the value in force."""
    points = past.sweep(steps, name=name, others=thresholds)
    return sweep_lines(points, baselines(past), name=name, at=getattr(past.in_force, name))


def sweep_lines(
    points: Sequence[OperatingPoint], others: Mapping[str, OperatingPoint], *, name: str, at: float
) -> Figure:
    """Draw the points of `Past.sweep` with `baselines`; `at` is marked."""
    best = others.get(BEST)
    series: dict[str, list[Estimate | float | None]] = {
        COVERAGE: [point.answered for point in points],
        NOISE: [point.noise for point in points],
        "show nothing: both are 0": [0.0] * len(points),
    }
    if best is not None:
        series[f"{BEST}: coverage"] = [best.answered and best.answered.value] * len(points)
        series[f"{BEST}: noise"] = [best.noise and best.noise.value] * len(points)
    return lines_figure(
        [point.threshold for point in points],
        series,
        title=f"What {name} does on your labelled turns",
        across=f"{name}; bands are 95 %, by whole days",
        up="share",
        mark=(at, f"here: {at:g}"),
    )


def precision_recall_figure(
    past: Past, steps: Sequence[float] | None = None, *, name: str = "gap_threshold", **thresholds: Value
) -> Figure:
    """Draw precision over recall at each value of a threshold, with the baselines."""
    points = past.sweep(steps, name=name, others=thresholds)
    return precision_recall_curve(points, baselines(past), at=getattr(past.in_force, name), title=PRECISION)


def reliability_figure(past: Past, **thresholds: Value) -> Figure:
    """Draw how often labelled memories of each probability help."""
    return reliability_diagram(reliability_of(past, **thresholds))


def halves_figure(past: Past) -> Figure:
    """Draw a turn's utility at each threshold of the grid, on the half to choose on and on the later one."""
    parts, steps = halves_of(past), [float(step) for step in GRID["gap_threshold"]]
    contexts = [past.with_thresholds({"gap_threshold": step}) for step in steps]
    series = {
        name: [measure(turn_counts(turns, context)).utility for context in contexts]
        for name, turns in (("chosen on", parts.choosing), ("held out", parts.testing))
        if turns
    }
    now = past.in_force.gap_threshold
    return lines_figure(
        steps,
        {**series, "show nothing": [0.0] * len(steps)},
        title="What a threshold is worth on each half",
        across="gap_threshold",
        up="utility of a turn",
        mark=(now, f"in force: {now:g}"),
        percent=False,
    )


def groups_figure(past: Past, by: str, **thresholds: Value) -> Figure:
    """Draw coverage and noise of groups: by "language", "kind" or "archive"."""
    groups = by_group(past, by, **thresholds)
    best = baselines(past).get(BEST)
    points = {**groups, **({f"all, {BEST}": best} if best else {})}
    return bars_figure(
        [f"{name}\n({point.turns} turns)" for name, point in points.items()],
        {
            COVERAGE: [point.answered for point in points.values()],
            NOISE: [point.noise for point in points.values()],
        },
        title=f"By {by}",
        across="share; show nothing has 0 of both",
    )
