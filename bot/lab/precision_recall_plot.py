"""Precision over recall at all thresholds, with the baselines."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from bot.lab.plots import Curve, Point, curves_figure
from memory.tuning.curves import OperatingPoint


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
