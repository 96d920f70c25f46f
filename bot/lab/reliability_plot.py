"""A reliability diagram: observed shares over probabilities, with the diagonal and the base rate."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from bot.lab.plot_elements import SMALL, draw_line, finish, titled_axes
from bot.pictures.canvas import style
from bot.pictures.palette import LIGHT
from memory.tuning.reliability import Reliability


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
