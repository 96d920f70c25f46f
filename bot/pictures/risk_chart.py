"""The risk-coverage curve: the cost of showing memories more often (El-Yaniv and Wiener, 2010)."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from bot.pictures.canvas import DPI, POINTS_AN_INCH, WIDTH, style
from bot.pictures.glyphs import to_drawable, truncate
from bot.pictures.palette import LIGHT, LINES, MARKERS, Palette
from bot.pictures.picture_values import Curve, Point

COVERAGE = "Coverage: turns with something to remember\nfor which a memory is shown"
RISK = "Risk: turns with nothing to remember\nfor which a memory is shown all the same"
_HEIGHT = 560
_SIZE, _SMALL = 13, 12
_WIDE_ROOM, _HIGH_ROOM, _NAME_ROOM = 680, 440, 300
"""Pixels for the labels of the x axis and y axis, and for a name."""
_MOST_LINES = 3
_MARKS = 8
"""Markers along a line, to distinguish lines."""


def curves_figure(
    curves: Sequence[Curve],
    *,
    title: str = "",
    coverage: str = COVERAGE,
    risk: str = RISK,
    palette: Palette = LIGHT,
) -> Figure:
    """Draw rules as lines with confidence bands and operating points."""
    with style():
        figure = Figure((WIDTH / DPI, _HEIGHT / DPI), dpi=DPI, facecolor=palette.ground, layout="constrained")
        axes = figure.add_subplot()
        style_axes(axes, palette)
        for place, curve in enumerate(curves):
            _curve(axes, curve, place, palette)
            _point(axes, curve.point, (_short(coverage), _short(risk)), palette)
        axes.set_xlabel(_lines(coverage, _WIDE_ROOM), fontsize=_SIZE, color=palette.text)
        axes.set_ylabel(_lines(risk, _HIGH_ROOM), fontsize=_SIZE, color=palette.text)
        axes.set_xlim(0, 1.02)
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        if title:
            axes.set_title(
                _lines(title, _WIDE_ROOM),
                loc="left",
                fontsize=_SIZE + 3,
                fontweight="bold",
                color=palette.text,
            )
        if curves:
            _legend(axes, palette)
        return figure


def style_axes(axes: Axes, palette: Palette) -> None:
    """Apply the style of all plots to axes: a light grid, and only the left and bottom frame."""
    axes.set_facecolor(palette.ground)
    axes.grid(visible=True, color=palette.track, linewidth=1)
    axes.set_axisbelow(True)
    axes.tick_params(colors=palette.text, labelsize=_SMALL)
    for side, spine in axes.spines.items():
        spine.set_visible(side in {"left", "bottom"})
        spine.set_color(palette.dim)


def _curve(axes: Axes, curve: Curve, place: int, palette: Palette) -> None:
    colour = palette.series[place % len(palette.series)]
    marker = MARKERS[place % len(MARKERS)]
    order = sorted(range(len(curve.coverage)), key=curve.coverage.__getitem__)
    across = [curve.coverage[at] for at in order]
    if curve.lower and curve.upper:
        low, high = [curve.lower[at] for at in order], [curve.upper[at] for at in order]
        axes.fill_between(across, low, high, color=colour, alpha=0.18, linewidth=0)
    axes.plot(
        across,
        [curve.risk[at] for at in order],
        color=colour,
        linestyle=LINES[place % len(LINES)] if len(across) > 1 else "none",
        linewidth=2.4,
        marker=marker,
        markersize=9 if len(across) == 1 else 6,
        clip_on=False,
        markevery=max(len(across) // _MARKS, 1),
        label=_cut(curve.name),
    )


def _point(axes: Axes, point: Point | None, named: tuple[str, str], palette: Palette) -> None:
    """Circle the operating point, and add its values to the legend."""
    if point is None:
        return
    coverage, risk = named
    where = f"{coverage} {point.coverage:.0%}, {risk} {point.risk:.1%}"
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
        label=f"{_cut(point.name)}: {where}" if point.name else where,
    )


def _short(label: str) -> str:
    """Return an axis label without its explanation."""
    return _cut(label.partition(":")[0].lower())


def _legend(axes: Axes, palette: Palette) -> None:
    legend = axes.legend(loc="best", fontsize=_SMALL, facecolor=palette.ground, edgecolor=palette.track)
    for text in legend.get_texts():
        text.set_color(palette.text)


def _lines(text: str, room: int) -> str:
    """Truncate each line of a text to `room` pixels."""
    return "\n".join(_cut(line, room) for line in text.split("\n")[:_MOST_LINES])


def _cut(text: str, room: int = _NAME_ROOM) -> str:
    return truncate(to_drawable(text), _SIZE * DPI / POINTS_AN_INCH, room)
