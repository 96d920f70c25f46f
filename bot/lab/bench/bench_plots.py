"""Plots of benchmarks: bars and lines with 95 % intervals."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from bot.pictures.canvas import DPI, WIDTH, style
from bot.pictures.glyphs import to_drawable
from bot.pictures.palette import HATCHES, LIGHT, LINES, MARKERS, Palette
from bot.pictures.picture_values import Curve, Point
from bot.pictures.risk_chart import style_axes
from memory.tuning.curves import PER, OperatingPoint
from memory.tuning.resampling import Estimate

SIZE, SMALL = 13, 12
_HEIGHT, _ROW = 520, 30
ROOM = 1.08
"""End of an axis of shares; beyond 100 %, so that the numbers fit."""
_ACROSS = 100
"""Characters that fit into a line of the legend."""
_FILLED = 0.8
"""Share of a category's height that its bars fill."""

Series = Mapping[str, Sequence[Estimate | None]]
"""By name, a value for each category or place; None where unknown."""
Rows = tuple[Sequence[float], Sequence[Estimate | None]]
"""Positions and lengths of a series' bars."""


def bars_figure(
    categories: Sequence[str],
    series: Series,
    *,
    title: str,
    across: str,
    percent: bool = True,
    palette: Palette = LIGHT,
) -> Figure:
    """Draw a group of horizontal bars for each category, top to bottom, with whiskers for the intervals."""
    with style():
        rows = len(categories) * (len(series) + 1)
        figure, axes = _axes(rows * _ROW + 140, title, palette)
        height = _FILLED / max(len(series), 1)
        for place, (name, values) in enumerate(series.items()):
            middles = [at + (place + 0.5) * height - _FILLED / 2 for at in range(len(categories))]
            _bars(axes, (middles, values), height, (place, name), palette)
            _numbers(axes, (middles, values), palette, percent=percent)
        axes.set_yticks(range(len(categories)), [_lines(name) for name in categories], fontsize=SMALL)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlim(left=0, right=ROOM if percent else None)
        _label(axes, palette, across=across)
        if percent:
            axes.xaxis.set_major_formatter(PercentFormatter(1))
        _legend(figure, axes, len(series), palette)
        return figure


def lines_figure(
    places: Sequence[float],
    series: Series,
    *,
    title: str,
    across: str,
    up: str,
    percent: bool = True,
    palette: Palette = LIGHT,
) -> Figure:
    """Draw a line with a confidence band for each series."""
    with style():
        figure, axes = _axes(_HEIGHT, title, palette)
        for place, (name, values) in enumerate(series.items()):
            known = [(at, value) for at, value in zip(places, values, strict=True) if value is not None]
            _line(axes, known, place, name, palette)
        axes.set_ylim(bottom=0, top=1.02 if percent else None)
        _label(axes, palette, across=across, up=up)
        if percent:
            axes.yaxis.set_major_formatter(PercentFormatter(1))
        _legend(figure, axes, len(series), palette)
        return figure


def curve_of(
    name: str, points: Sequence[OperatingPoint], *, at: float | None = None, point: str = ""
) -> Curve:
    """Return a rule's coverage and false injections by threshold, for `curves_figure`.

    Args:
        name: name of the rule.
        points: its operating points.
        at: the threshold to mark.
        point: label of that mark.
    """
    known = [
        (one.threshold, one.answered.value, one.false_injections)
        for one in reversed(points)
        if one.answered and one.false_injections
    ]
    marked = next(
        (Point(coverage, false.value / PER, point) for place, coverage, false in known if place == at), None
    )
    return Curve(
        name,
        coverage=[coverage for _, coverage, _ in known],
        risk=[false.value / PER for *_, false in known],
        lower=[false.low / PER for *_, false in known],
        upper=[false.high / PER for *_, false in known],
        point=marked,
    )


def _axes(height: int, title: str, palette: Palette) -> tuple[Figure, Axes]:
    figure = Figure((WIDTH / DPI, height / DPI), dpi=DPI, facecolor=palette.ground, layout="constrained")
    axes = figure.add_subplot()
    style_axes(axes, palette)
    figure.suptitle(
        _lines(title), x=0.01, ha="left", fontsize=SIZE + 3, fontweight="bold", color=palette.text
    )
    return figure, axes


def _bars(axes: Axes, rows: Rows, height: float, named: tuple[int, str], palette: Palette) -> None:
    place, name = named
    colour, hatch = palette.series[place % len(palette.series)], HATCHES[place % len(HATCHES)]
    known = _known(rows)
    axes.barh(
        [middle for middle, _ in known],
        [value.value for _, value in known],
        height * 0.92,
        color=palette.ground if hatch else colour,
        edgecolor=colour,
        hatch=hatch or None,
        linewidth=1.4,
        label=to_drawable(name),
    )


def _numbers(axes: Axes, rows: Rows, palette: Palette, *, percent: bool) -> None:
    """Draw the whiskers, with each value to the right of its own."""
    for middle, value in _known(rows):
        axes.plot([value.low, value.high], [middle, middle], color=palette.text, linewidth=1.6)
        axes.annotate(
            f"{value.value:.0%}" if percent else f"{value.value:.2f}",
            (max(value.high, value.value), middle),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL - 1,
            color=palette.text,
            annotation_clip=False,
        )


def _known(rows: Rows) -> list[tuple[float, Estimate]]:
    return [(middle, value) for middle, value in zip(*rows, strict=True) if value is not None]


def _line(
    axes: Axes, known: Sequence[tuple[float, Estimate]], place: int, name: str, palette: Palette
) -> None:
    colour = palette.series[place % len(palette.series)]
    across = [at for at, _ in known]
    low, high = [value.low for _, value in known], [value.high for _, value in known]
    axes.fill_between(across, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.plot(
        across,
        [value.value for _, value in known],
        color=colour,
        linestyle=LINES[place % len(LINES)],
        marker=MARKERS[place % len(MARKERS)],
        markersize=7,
        linewidth=2.4,
        clip_on=False,
        label=to_drawable(name),
    )


def _label(axes: Axes, palette: Palette, *, across: str, up: str = "") -> None:
    axes.set_xlabel(to_drawable(across), fontsize=SIZE, color=palette.text)
    axes.set_ylabel(to_drawable(up), fontsize=SIZE, color=palette.text)


def _legend(figure: Figure, axes: Axes, series: int, palette: Palette) -> None:
    """Draw a legend below the plot, unless there is only one series."""
    if series < 2:  # noqa: PLR2004
        return
    handles, names = axes.get_legend_handles_labels()
    legend = figure.legend(
        handles, names, loc="outside lower center", ncols=_columns(names), fontsize=SMALL, frameon=False
    )
    for text in legend.get_texts():
        text.set_color(palette.text)


def _columns(names: Sequence[str]) -> int:
    """Return how many columns of the legend fit side by side."""
    return max(1, min(len(names), _ACROSS // (max(map(len, names)) + 6)))


def _lines(text: str) -> str:
    return "\n".join(to_drawable(line) for line in text.split("\n"))
