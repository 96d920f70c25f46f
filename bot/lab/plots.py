"""Plots of notebooks and docs, in the style of the pictures: bars, lines, curves and marks."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from bot.pictures.canvas import DPI, WIDTH, style, to_drawable
from bot.pictures.picture_values import HATCHES, LIGHT, LINES, MARKERS, Palette
from memory.tuning.resampling import Estimate

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


_ROOM = 1.08
"""End of an axis of shares, above 1 so that the numbers fit."""
_FILLED = 0.8
"""Share of a category's height that its bars fill."""

Series = Mapping[str, Sequence[Estimate | float | None]]
"""By name, a value for each category or place; None where unknown."""


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
    """Draw a line with a confidence band for each series, and a labelled vertical `mark`.

    `across` and `up` label the axes; with `percent`, the values are shares from 0 to 1.
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
