"""Plots of rules and labels over all thresholds: risk and coverage, precision and recall, reliability."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from bot.lab.plots import SMALL, draw_band, draw_line, finish, titled_axes
from bot.pictures.canvas import style, to_drawable
from bot.pictures.picture_values import LIGHT, Palette
from memory.tuning.curves import PER, OperatingPoint
from memory.tuning.reliability import Reliability
from memory.tuning.resampling import Estimate

COVERAGE = "Coverage: turns with something to remember\nfor which a memory is shown"
RISK = "Risk: turns with nothing to remember\nfor which a memory is shown all the same"


@dataclass(frozen=True, slots=True)
class Point:
    coverage: float
    risk: float
    name: str = ""


@dataclass(frozen=True, slots=True)
class Curve:
    """Risk over coverage of one rule at all thresholds, as shares in [0, 1]; NaN leaves a gap."""

    name: str
    coverage: Sequence[float]
    """Share of the turns with a known memory for which one is shown."""
    risk: Sequence[float]
    """Share of shown memories that are wrong, or of turns without a known memory for which one is shown."""
    lower: Sequence[float] = ()
    """Confidence band of `risk`, with `upper`; both empty for none."""
    upper: Sequence[float] = ()
    point: Point | None = None


def curve_of(
    name: str, points: Iterable[tuple[float, Estimate | None, Estimate | None]], *, at: float, point: str
) -> Curve:
    """Return a rule's curve from each threshold's coverage and false injections in a hundred, ascending.

    Points with None are left out; the threshold `at` is marked with the label `point`.
    """
    known = [(place, covered.value, false) for place, covered, false in points if covered and false][::-1]
    marked = [Point(covered, false.value / PER, point) for place, covered, false in known if place == at]
    return Curve(
        name,
        coverage=[covered for _, covered, _ in known],
        risk=[false.value / PER for *_, false in known],
        lower=[false.low / PER for *_, false in known],
        upper=[false.high / PER for *_, false in known],
        point=marked[0] if marked else None,
    )


def curves_figure(
    curves: Sequence[Curve],
    *,
    title: str,
    coverage: str = COVERAGE,
    risk: str = RISK,
    palette: Palette = LIGHT,
) -> Figure:
    """Draw rules as lines with confidence bands and operating points."""
    with style():
        figure, axes = titled_axes(title, palette, 600)
        for place, curve in enumerate(curves):
            order = sorted(range(len(curve.coverage)), key=curve.coverage.__getitem__)
            at, height = [curve.coverage[n] for n in order], [curve.risk[n] for n in order]
            if curve.lower and curve.upper:
                low, high = [curve.lower[n] for n in order], [curve.upper[n] for n in order]
                draw_band(axes, at, (low, high), place, palette)
            draw_line(axes, at, height, place, curve.name, palette)
            if curve.point:
                names = (coverage.partition(":")[0].lower(), risk.partition(":")[0].lower())
                _ring(axes, curve.point, names, palette)
        axes.set_xlim(0, 1.02)
        axes.set_ylim(bottom=0)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1))
        finish(figure, axes, palette, coverage, risk)
        return figure


def precision_recall_curve(
    points: Sequence[OperatingPoint], others: Mapping[str, OperatingPoint], *, at: float, title: str
) -> Figure:
    """Draw precision over recall at each threshold, with baselines; the one nearest to `at` is marked."""
    known = [(one, one.recall, one.precision) for one in points if one.recall and one.precision]
    near = min(known, key=lambda one: abs(one[0].threshold - at), default=None)
    curve = Curve(
        _swept(points),
        coverage=[recall.value for _, recall, _ in known],
        risk=[precision.value for _, _, precision in known],
        lower=[precision.low for _, _, precision in known],
        upper=[precision.high for _, _, precision in known],
        point=Point(near[1].value, near[2].value, f"{near[0].threshold:g}") if near else None,
    )
    lines = [
        Curve(name, [0.0, one.recall.value], [one.precision.value] * 2)
        for name, one in others.items()
        if one.recall and one.precision
    ]
    nothing = Curve("show nothing: recall 0", [0.0, 0.0], [0.0, 1.0])
    return curves_figure(
        [curve, *lines, nothing],
        title=title,
        coverage="Recall: share of a turn's helpful memories\nthat is shown",
        risk="Precision: share of the memories shown\nthat helps",
    )


def _swept(points: Sequence[OperatingPoint]) -> str:
    """Name the range of the thresholds, from its end with the higher recall."""
    if not points:
        return "thresholds"
    right, left = points[0], points[-1]
    if right.recall and left.recall and right.recall.value < left.recall.value:
        right, left = left, right
    return f"thresholds, from {right.threshold:g} (right) to {left.threshold:g} (left)"


def reliability_diagram(found: Reliability | None) -> Figure:
    """Draw how often memories of each probability help; only the diagonal without labels."""
    title = f"Expected calibration error: {found.error.value:.0%}" if found else "No labels yet"
    with style():
        figure, axes = titled_axes(title, LIGHT)
        draw_line(axes, [0, 1], [0, 1], 2, "probabilities that hold", LIGHT)
        if found is not None:
            _draw(axes, found)
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1))
        finish(figure, axes, LIGHT, "probability of a memory", "share that helps")
        return figure


def _draw(axes: Axes, found: Reliability) -> None:
    places = [one.predicted for one in found.bins]
    for one in found.bins:
        label = str(one.memories)
        if one.observed.bounded:
            ends = [one.observed.low, one.observed.high]
            axes.plot([one.predicted] * 2, ends, color=LIGHT.text, linewidth=1.6)
        where = (one.predicted, one.observed.value)
        axes.annotate(label, where, (7, -14), textcoords="offset points", fontsize=SMALL, color=LIGHT.dim)
    values = [one.observed.value for one in found.bins]
    draw_line(axes, places, values, 0, "labelled memories, with their number (95 %)", LIGHT)
    base = found.base_rate.value
    draw_line(axes, [0, 1], [base, base], 1, f"all of them: {base:.0%} help", LIGHT)


def _ring(axes: Axes, point: Point, named: tuple[str, str], palette: Palette) -> None:
    """Circle an operating point, and add its values to the legend."""
    where = f"{named[0]} {point.coverage:.0%}, {named[1]} {point.risk:.1%}"
    axes.plot(
        [point.coverage],
        [point.risk],
        linestyle="none",
        marker="o",
        markersize=16,
        markeredgewidth=3,
        markerfacecolor="none",
        markeredgecolor=palette.text,
        clip_on=False,
        label=to_drawable(f"{point.name}: {where}" if point.name else where),
    )
