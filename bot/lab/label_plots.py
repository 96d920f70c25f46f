"""Plots of what labels say: precision over recall, and reliability."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from bot.lab.plot_elements import SMALL, draw_line, finish, titled_axes
from bot.lab.plots import Curve, Point, curves_figure
from bot.pictures.canvas import style
from bot.pictures.palette import LIGHT
from memory.tuning.curves import OperatingPoint
from memory.tuning.reliability import Reliability


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
