"""Parts of a plot in the style of the pictures: frame, lines, bands, rows and legend."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bot.pictures.canvas import DPI, WIDTH
from bot.pictures.glyphs import to_drawable
from bot.pictures.palette import HATCHES, LINES, MARKERS, Palette

SIZE, SMALL = 13, 12
"""Points of labels, and of numbers and legends."""
HEIGHT = 520
_ACROSS = 100
"""Characters that fit into a line of the legend."""
_MARKS = 8
"""Markers along a line, to distinguish lines."""


def titled_axes(title: str, palette: Palette, height: int = HEIGHT) -> tuple[Figure, Axes]:
    """Return a titled plot with a light grid, and only the left and bottom frame."""
    figure = Figure((WIDTH / DPI, height / DPI), dpi=DPI, facecolor=palette.ground, layout="constrained")
    axes = figure.add_subplot()
    axes.set_facecolor(palette.ground)
    axes.grid(visible=True, color=palette.track, linewidth=1)
    axes.set_axisbelow(True)
    axes.tick_params(colors=palette.text, labelsize=SMALL)
    for side, spine in axes.spines.items():
        spine.set_visible(side in {"left", "bottom"})
        spine.set_color(palette.dim)
    figure.suptitle(
        drawable_lines(title), x=0.01, ha="left", fontsize=SIZE + 3, fontweight="bold", color=palette.text
    )
    return figure, axes


def bar_style(place: int, name: str, palette: Palette) -> dict[str, Any]:
    """Return the fill of a series' bars."""
    colour, hatch = palette.series[place % len(palette.series)], HATCHES[place % len(HATCHES)]
    shown = {"color": palette.ground if hatch else colour, "edgecolor": colour, "hatch": hatch or None}
    return {**shown, "linewidth": 1.4, "label": to_drawable(name)}


def draw_band(
    axes: Axes, at: Sequence[float], ends: tuple[list[float], list[float]], place: int, palette: Palette
) -> None:
    colour = palette.series[place % len(palette.series)]
    axes.fill_between(at, *ends, color=colour, alpha=0.15, linewidth=0)


def draw_line(
    axes: Axes, at: Sequence[float], height: Sequence[float], place: int, name: str, palette: Palette
) -> None:
    axes.plot(
        at,
        height,
        color=palette.series[place % len(palette.series)],
        linestyle=LINES[place % len(LINES)] if len(at) > 1 else "none",
        linewidth=2.4,
        marker=MARKERS[place % len(MARKERS)],
        markersize=9 if len(at) == 1 else 6,
        markevery=max(len(at) // _MARKS, 1),
        clip_on=False,
        label=to_drawable(name),
    )


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Name the rows, from top to bottom."""
    axes.set_yticks(range(len(names)), [drawable_lines(name) for name in names], fontsize=SMALL)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")


def finish(figure: Figure, axes: Axes, palette: Palette, across: str, up: str = "") -> None:
    """Label the axes, and draw a legend below the plot, unless there is only one series."""
    axes.set_xlabel(drawable_lines(across), fontsize=SIZE, color=palette.text)
    axes.set_ylabel(drawable_lines(up), fontsize=SIZE, color=palette.text)
    handles, names = axes.get_legend_handles_labels()
    if len(names) > 1:
        columns = max(1, min(len(names), _ACROSS // (max(map(len, names)) + 6)))
        legend = figure.legend(
            handles, names, loc="outside lower center", ncols=columns, fontsize=SMALL, frameon=False
        )
        for text in legend.get_texts():
            text.set_color(palette.text)


def drawable_lines(text: str) -> str:
    return "\n".join(to_drawable(line) for line in text.split("\n"))
