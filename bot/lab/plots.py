"""Plots of notebooks and docs, in the style of the pictures: bars, lines, curves and marks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from bot.lab.plot_elements import SMALL, bar_style, draw_band, draw_line, finish, name_rows, titled_axes
from bot.pictures.canvas import style
from bot.pictures.glyphs import to_drawable
from bot.pictures.palette import LIGHT, MARKERS, Palette
from memory.tuning.curves import PER
from memory.tuning.resampling import Estimate

COVERAGE = "Coverage: turns with something to remember\nfor which a memory is shown"
RISK = "Risk: turns with nothing to remember\nfor which a memory is shown all the same"
_ROOM = 1.08
"""End of an axis of shares; beyond 100 %, so that the numbers fit."""
_FILLED = 0.8
"""Share of a category's height that its bars fill."""

Series = Mapping[str, Sequence[Estimate | float | None]]
"""By name, a value for each category or place; None where unknown."""


@dataclass(frozen=True, slots=True)
class Point:
    """An operating point."""

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
    """Return a rule's curve from each threshold's coverage and false injections in a hundred.

    Args:
        name: of the rule.
        points: in ascending order; those with None are left out.
        at: the threshold to mark.
        point: label of that mark.
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


def bars_figure(categories: Sequence[str], series: Series, *, title: str, across: str) -> Figure:
    """Draw a group of horizontal bars of shares for each category, with whiskers for the intervals."""
    with style():
        figure, axes = titled_axes(title, LIGHT, max(len(categories), 1) * (len(series) + 1) * 30 + 140)
        height = _FILLED / max(len(series), 1)
        for place, (name, values) in enumerate(series.items()):
            starts = [at + (place + 0.5) * height - _FILLED / 2 for at in range(len(categories))]
            known = _known(starts, values)
            lengths = [value.value for _, value in known]
            axes.barh([at for at, _ in known], lengths, height * 0.92, **bar_style(place, name, LIGHT))
            for at, value in known:
                end = value.value
                if value.bounded:
                    axes.plot([value.low, value.high], [at, at], color=LIGHT.text, linewidth=1.6)
                    end = max(value.high, end)
                axes.text(end + 0.01, at, f"{value.value:.0%}", va="center", fontsize=SMALL, color=LIGHT.text)
        name_rows(axes, categories)
        axes.set_xlim(0, _ROOM)
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        finish(figure, axes, LIGHT, across)
        return figure


def lines_figure(
    places: Sequence[float],
    series: Series,
    *,
    title: str,
    across: str,
    up: str,
    mark: tuple[float, str] | None = None,
    percent: bool = True,
) -> Figure:
    """Draw a line with a confidence band for each series.

    Args:
        places: positions of the values.
        series: the values.
        title: of the plot.
        across: label of the x axis.
        up: label of the y axis.
        mark: position and label of a vertical line.
        percent: the values are shares from 0 to 1.
    """
    with style():
        figure, axes = titled_axes(title, LIGHT)
        for place, (name, values) in enumerate(series.items()):
            known = _known(places, values)
            at, middle = [at for at, _ in known], [value.value for _, value in known]
            low, high = [value.low for _, value in known], [value.high for _, value in known]
            draw_band(axes, at, (low, high), place, LIGHT)
            draw_line(axes, at, middle, place, name, LIGHT)
        if mark:
            axes.axvline(mark[0], color=LIGHT.text, linewidth=2, linestyle=":", label=mark[1])
        if percent:
            axes.set_ylim(0, 1.02)
            axes.yaxis.set_major_formatter(PercentFormatter(1))
        else:
            axes.axhline(0, color=LIGHT.dim, linewidth=1.2)
        finish(figure, axes, LIGHT, across, up)
        return figure


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


def schedule_figure(spans: Sequence[tuple[str, float, float]], *, title: str) -> Figure:
    """Draw each node's start and end in milliseconds, from top to bottom."""
    with style():
        figure, axes = titled_axes(title, LIGHT, 110 + 38 * len(spans))
        whole = max((end for *_, end in spans), default=1.0)
        for place, (_, began, ended) in enumerate(spans):
            axes.barh(place, max(ended - began, whole / 300), left=began, color=LIGHT.kept, height=0.62)
            text = f"{ended - began:.1f} ms"
            axes.text(ended + whole / 100, place, text, va="center", fontsize=SMALL, color=LIGHT.text)
        name_rows(axes, [name for name, *_ in spans])
        axes.set_xlim(0, whole * 1.15)
        finish(figure, axes, LIGHT, "milliseconds from the message on")
        return figure


def stacked_figure(layers: Sequence[str], taken: Sequence[Sequence[int]], *, title: str) -> Figure:
    """Draw the tokens of every layer for each message of a day, stacked."""
    with style():
        figure, axes = titled_axes(title, LIGHT)
        ground = [0] * len(taken)
        for number, name in enumerate(layers):
            heights = [one[number] for one in taken]
            axes.bar(range(1, len(taken) + 1), heights, 0.78, bottom=ground, **bar_style(number, name, LIGHT))
            ground = [low + high for low, high in zip(ground, heights, strict=True)]
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(visible=False, axis="x")
        finish(figure, axes, LIGHT, "messages of the day, in order", "tokens of the prompt")
        return figure


def chances_figure(groups: Sequence[tuple[str, Sequence[float]]], threshold: float, *, title: str) -> Figure:
    """Draw the probabilities of each group of memories as marks on its own line, and the threshold."""
    with style():
        figure, axes = titled_axes(title, LIGHT, 150 + 90 * len(groups))
        for place, (_, chances) in enumerate(groups):
            heights = [place + ((number * 7) % 13 - 6) / 22 for number in range(len(chances))]  # apart
            marker, colour = MARKERS[place % len(MARKERS)], LIGHT.series[place % len(LIGHT.series)]
            axes.plot(
                chances, heights, linestyle="none", marker=marker, markersize=6, alpha=0.55, color=colour
            )
        axes.axvline(threshold, color=LIGHT.mark, linewidth=2.5)
        name_rows(axes, [f"{name} ({len(chances)})" for name, chances in groups])
        axes.set_ylim(len(groups) - 0.4, -0.6)
        axes.set_xlim(-0.02, 1.02)
        finish(figure, axes, LIGHT, f"probability of relevance; the line is the threshold, {threshold:g}")
        return figure


def _known(
    places: Sequence[float], values: Sequence[Estimate | float | None]
) -> list[tuple[float, Estimate]]:
    return [
        (at, value if isinstance(value, Estimate) else Estimate(value=value, low=value, high=value))
        for at, value in zip(places, values, strict=True)
        if value is not None
    ]


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
