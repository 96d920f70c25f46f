"""Plots of turns and layers for notebooks."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bot.pictures.canvas import DPI, WIDTH, style
from bot.pictures.glyphs import to_drawable
from bot.pictures.palette import HATCHES, LIGHT, LINES, MARKERS, Palette
from bot.pictures.risk_chart import style_axes
from memory.tuning.resampling import Estimate

_SIZE, _SMALL = 13, 12
_HEIGHT = 480


def schedule_figure(
    spans: Sequence[tuple[str, float, float]], *, title: str, palette: Palette = LIGHT
) -> Figure:
    """Draw each node's start and end in milliseconds, from top to bottom."""
    with style():
        figure, axes = _axes(title, palette, height=110 + 38 * len(spans))
        whole = max((end for *_, end in spans), default=1.0)
        for place, (_, began, ended) in enumerate(spans):
            axes.barh(place, max(ended - began, whole / 300), left=began, color=palette.kept, height=0.62)
            text = f"{ended - began:.1f} ms"
            axes.text(ended + whole / 100, place, text, va="center", fontsize=_SMALL, color=palette.text)
        axes.set_yticks(range(len(spans)), [to_drawable(name) for name, *_ in spans])
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlim(0, whole * 1.15)
        axes.set_xlabel("milliseconds from the message on", fontsize=_SIZE, color=palette.text)
        return figure


def stacked_figure(
    layers: Sequence[str],
    taken: Sequence[Sequence[int]],
    *,
    title: str,
    palette: Palette = LIGHT,
) -> Figure:
    """Draw the tokens of every layer for each message, stacked."""
    with style():
        figure, axes = _axes(title, palette)
        places, ground = range(1, len(taken) + 1), [0] * len(taken)
        for number, name in enumerate(layers):
            heights = [one[number] for one in taken]
            _stack(axes, places, heights, ground, number, name, palette)
            ground = [low + high for low, high in zip(ground, heights, strict=True)]
        _finish(figure, axes, "tokens of the prompt", len(taken), palette)
        return figure


def intent_figure(
    series: Sequence[tuple[str, Sequence[float]]], *, title: str, palette: Palette = LIGHT
) -> Figure:
    """Draw the need for context and the complexity of each message of a day."""
    with style():
        figure, axes = _axes(title, palette, height=380)
        for number, (name, values) in enumerate(series):
            axes.plot(
                range(1, len(values) + 1), values, color=palette.series[number], linestyle=LINES[number],
                marker=MARKERS[number], linewidth=2.2, markersize=7, label=to_drawable(name),
            )  # fmt: skip
        axes.set_ylim(0, 1.05)
        _finish(figure, axes, "share, from 0 to 1", max(len(values) for _, values in series), palette)
        return figure


def chances_figure(
    groups: Sequence[tuple[str, Sequence[float]]],
    threshold: float,
    *,
    title: str,
    palette: Palette = LIGHT,
) -> Figure:
    """Draw the probabilities of each group of memories as marks on its own line, and the threshold."""
    with style():
        figure, axes = _axes(title, palette, height=150 + 90 * len(groups))
        for place, (_, chances) in enumerate(groups):
            heights = [place + _spread(number) for number in range(len(chances))]
            marker = MARKERS[place % len(MARKERS)]
            colour = palette.series[place % len(palette.series)]
            axes.plot(
                chances, heights, linestyle="none", marker=marker, markersize=6, alpha=0.55, color=colour
            )
        axes.axvline(threshold, color=palette.mark, linewidth=2.5)
        names = [f"{to_drawable(name)} ({len(chances)})" for name, chances in groups]
        axes.set_yticks(range(len(groups)), names, fontsize=_SMALL)
        axes.set_ylim(len(groups) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        axes.set_xlim(-0.02, 1.02)
        label = f"probability of relevance; the line is the threshold, {threshold:g}"
        axes.set_xlabel(label, fontsize=_SIZE, color=palette.text)
        return figure


def worth_figure(
    thresholds: Sequence[float],
    series: Mapping[str, Sequence[Estimate]],
    in_force: float,
    *,
    title: str,
    palette: Palette = LIGHT,
) -> Figure:
    """Draw the utility by threshold for each half, with 95 % bands, and the threshold in force."""
    with style():
        figure, axes = _axes(title, palette)
        for number, (name, values) in enumerate(series.items()):
            colour = palette.series[number % len(palette.series)]
            low, high = [value.low for value in values], [value.high for value in values]
            axes.fill_between(thresholds, low, high, color=colour, alpha=0.15, linewidth=0)
            axes.plot(
                thresholds,
                [value.value for value in values],
                color=colour,
                linestyle=LINES[number % len(LINES)],
                marker=MARKERS[number % len(MARKERS)],
                linewidth=2.4,
                label=to_drawable(name),
            )
        axes.axhline(0, color=palette.dim, linewidth=1.2)
        axes.axvline(
            in_force, color=palette.text, linewidth=2, linestyle=":", label=f"in force: {in_force:g}"
        )
        axes.set_xlabel("threshold: probability from which a memory is shown", fontsize=_SIZE)
        axes.set_ylabel("mean worth of a turn, from -1 to 1", fontsize=_SIZE)
        for label in (axes.xaxis.label, axes.yaxis.label):
            label.set_color(palette.text)
        _legend(figure, axes, palette)
        return figure


def _stack(
    axes: Axes,
    places: Sequence[int],
    heights: Sequence[int],
    ground: Sequence[int],
    number: int,
    name: str,
    palette: Palette,
) -> None:
    colour, hatch = palette.series[number % len(palette.series)], HATCHES[number % len(HATCHES)]
    axes.bar(
        places, heights, 0.78, bottom=ground, color=palette.ground if hatch else colour, edgecolor=colour,
        hatch=hatch or None, linewidth=1.2, label=to_drawable(name),
    )  # fmt: skip


def _axes(title: str, palette: Palette, height: int = _HEIGHT) -> tuple[Figure, Axes]:
    figure = Figure((WIDTH / DPI, height / DPI), dpi=DPI, facecolor=palette.ground, layout="constrained")
    axes = figure.add_subplot()
    style_axes(axes, palette)
    figure.suptitle(
        to_drawable(title), x=0.01, ha="left", fontsize=_SIZE + 3, fontweight="bold", color=palette.text
    )
    return figure, axes


def _finish(figure: Figure, axes: Axes, up: str, count: int, palette: Palette) -> None:
    """Label the axes over a day's messages, and draw the legend."""
    axes.set_xlabel("messages of the day, in order", fontsize=_SIZE, color=palette.text)
    axes.set_ylabel(up, fontsize=_SIZE, color=palette.text)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlim(0.3, count + 0.7)
    axes.grid(visible=False, axis="x")
    _legend(figure, axes, palette)


def _legend(figure: Figure, axes: Axes, palette: Palette) -> None:
    handles, names = axes.get_legend_handles_labels()
    legend = figure.legend(
        handles, names, loc="outside lower center", ncols=3, fontsize=_SMALL, frameon=False
    )
    for text in legend.get_texts():
        text.set_color(palette.text)


def _spread(number: int) -> float:
    """Return the vertical offset of a mark, so that equal values do not overlap."""
    return ((number * 7) % 13 - 6) / 22
