"""Widget with a slider for each threshold, which shows at once how decisions on past turns change."""

import asyncio
import html
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from copy import copy
from functools import lru_cache
from typing import Any

from ipywidgets import HTML, Accordion, Dropdown, FloatSlider, HBox, Image, IntSlider, Layout, Select, VBox
from matplotlib.figure import Figure

from bot.lab.curves import precision_recall_curve, reliability_diagram
from bot.lab.past.inspector import Inspector
from bot.lab.past.labels import Labels
from bot.lab.past.own_past import KEPT, Past
from bot.lab.past.past_figures import PRECISION, baselines, reliability_of, sweep_lines
from bot.lab.past.past_turns import halves
from bot.lab.past.threshold_ranges import RANGES, SLIDERS, range_of
from bot.pictures.canvas import png
from bot.printable import printable, snippet
from graph.settings.context import Thresholds
from memory.errors import GoatError
from memory.recall.gap_rules import GapRule
from memory.recall.ranking import RankRule
from memory.tuning.tuning_result import Value

PAUSE = 0.3
"""Seconds without a move after which the curves are drawn."""
MOVE = 0.03
"""Seconds to wait after a move for another one, which replaces it."""
CURVES = ("sweep", "precision", "reliability")
SWEPT = "gap_threshold"
CHANGES, VAIN, MISSED = "what comes (+) and goes (-)", "shown, but does not help", "helps, but is not shown"
MOST_LISTED = 300
CHOICES: Mapping[str, Sequence[str]] = {"Gap filter": ["gap_rule"], "Ranking": ["rank_rule"]}
"""Rules by section, above its sliders."""


def earlier_half(past: Past) -> Past:
    """Return a copy with all turns, but only the current labels of the earlier half."""
    choosing, _ = halves([turn for turn in past.past_turns if turn.offered])
    known = {turn.turn_id for turn in choosing}
    said = [label for label in past.labels.all if label.turn_id in known]
    view = copy(past)
    view.labels = Labels(past.layers.labels, past.owner, said)
    view._swept = lru_cache(KEPT)(view._sweep)
    return view


class Tuner(VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Sliders over an owner's past; create it in a cell.

    A move decides all turns again and lists what changes; the curves follow when the slider rests. A click on
    a listed memory shows its turn, to be labelled. Labels of the later half are kept for the test, and not
    used; the list of what comes and goes covers all turns.
    """

    def __init__(self, past: Past, pause: float = PAUSE) -> None:
        self._past, self._pause, self._loop = past, pause, asyncio.get_running_loop()
        self._rows: list[tuple[str, str]] = []
        self._choosing, self._state = past, object()
        self.working: Future[None] | None = None
        """The task of the last move or label."""
        self.controls = _controls(past)
        """The slider of each threshold."""
        for control in self.controls.values():
            control.observe(lambda _: self._begin(self._decide), "value")
        self.summary = HTML()
        self.listed = Dropdown(options=[CHANGES, VAIN, MISSED], layout=Layout(width="auto"))
        self.memories = Select(rows=10, layout=Layout(width="100%"))
        self.listed.observe(lambda _: self._list(), "value")
        self.memories.observe(lambda change: self._inspect(change["new"]), "index")
        self.inspector = Inspector(past.labels, lambda: self._begin(self._relabelled))
        self.curves = {name: _curve() for name in CURVES}
        first, *others = self.curves.values()
        beside, below = _row([self.summary, first]), _row(others)
        super().__init__(
            [_sections(self.controls), beside, self.listed, self.memories, self.inspector, below]
        )
        self._show()
        self._list()
        self._begin(self._draw)

    @property
    def changes(self) -> dict[str, Value]:
        """The thresholds that differ from those in force."""
        now = self._past.in_force.plain()
        values = {name: control.value for name, control in self.controls.items()}
        return {name: value for name, value in values.items() if value != now[name]}

    def set(self, **thresholds: Value) -> None:
        """Move sliders, as a hand would."""
        for name, value in thresholds.items():
            self.controls[name].value = value

    def _begin(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start a task and cancel the last one: of many moves, only the latest matters."""
        if self.working is not None:
            self.working.cancel()
        self.working = asyncio.run_coroutine_threadsafe(work(), self._loop)

    async def _decide(self) -> None:
        await asyncio.sleep(min(self._pause, MOVE))
        try:
            self._show()
        except (GoatError, ValueError) as error:
            self.summary.value = f"<p>{html.escape(str(error))}</p>"
            return
        self._list()
        await self._draw()

    async def _relabelled(self) -> None:
        """Measure again with the new label; the list stays, so that the next can be clicked."""
        self._show()
        await self._draw()

    def _show(self) -> None:
        state = self._past.past_turns, self._past.labels.revision
        if state != self._state:
            self._state, self._choosing = state, earlier_half(self._past)
        self.decided = self._choosing.decide(**self.changes)
        labelled = len(self._choosing.labelled)
        kept = len(self._past.labelled) - labelled
        self.summary.value = (
            f"{self.decided._repr_html_()}<p>Measured on {labelled} labelled turns of the earlier half of "
            f"your days; {kept} of the later half are kept for the test.</p>"
        )

    def _list(self) -> None:
        tables = {
            CHANGES: lambda: self.decided.changes,
            VAIN: lambda: self.decided.false_positives,
            MISSED: lambda: self.decided.misses,
        }
        rows = tables[self.listed.value]().head(MOST_LISTED).to_dict("records")
        self._rows = [(row["turn"], row["memory"]) for row in rows]
        self.memories.options = [_line(row) for row in rows]
        self.memories.index = None
        self.inspector.show(None)

    def _inspect(self, index: int | None) -> None:
        if index is None or index >= len(self._rows):
            return
        turn_id, memory = self._rows[index]
        turn = next(one for one in self.decided.turns if one.turn.turn_id == turn_id)
        self.inspector.show(turn, memory)

    async def _draw(self) -> None:
        await asyncio.sleep(self._pause)
        others = dict(self.changes)
        at = float(others.pop(SWEPT, self._past.in_force.gap_threshold))
        choosing = self._choosing
        if not (points := await asyncio.to_thread(choosing.sweep, others=others)):
            return
        best = baselines(choosing)
        figures: Mapping[str, Callable[[], Figure]] = {
            "sweep": lambda: sweep_lines(points, best, name=SWEPT, at=at),
            "precision": lambda: precision_recall_curve(points, best, at=at, title=PRECISION),
            "reliability": lambda: reliability_diagram(reliability_of(choosing, **self.changes)),
        }
        for name, draw in figures.items():
            self.curves[name].value = png(draw())
            self.curves[name].layout.display = None
            await asyncio.sleep(0)  # a move in between cancels the rest


def _curve() -> Image:
    """Return a place for a picture, hidden until it is drawn."""
    return Image(layout=Layout(width="33em", max_width="100%", display="none"))


def _row(widgets: Sequence[Any]) -> HBox:
    return HBox(widgets, layout=Layout(flex_flow="row wrap"))


def _sections(controls: Mapping[str, Any]) -> VBox:
    boxes = [
        VBox([controls[name] for name in (*CHOICES.get(section, ()), *names)])
        for section, names in SLIDERS.items()
    ]
    folded = Accordion(boxes[1:], titles=tuple(SLIDERS)[1:], selected_index=None)
    return VBox([boxes[0], folded])


def _controls(past: Past) -> dict[str, Any]:
    sliders = {name: _slider(past, name) for name in RANGES}
    choices: dict[str, Sequence[str]] = {"gap_rule": list(GapRule), "rank_rule": list(RankRule)}
    return {**{name: _choice(past, name, values) for name, values in choices.items()}, **sliders}


def _slider(past: Past, name: str) -> FloatSlider | IntSlider:
    """Return a slider from the lowest to the highest of its range and the value in force."""
    limits, now = range_of(name, past.in_force), getattr(past.in_force, name)
    slider, number = (IntSlider, int) if isinstance(now, int) else (FloatSlider, float)
    return slider(
        value=now,
        min=number(limits.low),
        max=number(limits.high),
        step=number(limits.step),
        description=_title(name),
        tooltip=Thresholds.model_fields[name].description,
        style={"description_width": "16em"},
        layout=Layout(width="100%"),
    )


def _choice(past: Past, name: str, values: Sequence[str]) -> Dropdown:
    now = str(getattr(past.in_force, name))
    return Dropdown(
        options=[str(value) for value in values],
        value=now,
        description=_title(name),
        style={"description_width": "16em"},
    )


def _title(name: str) -> str:
    return Thresholds.model_fields[name].title or name


def _line(row: Mapping[str, object]) -> str:
    message, text = (snippet(str(row[name])) for name in ("message", "text"))
    sign, chance = row.get("change", ""), row["probability"]
    told = "" if chance != chance else f"{chance:.0%}"  # noqa: PLR0124 - NaN: it is not a candidate any more
    return printable(f"{sign} {told}  {message}  ←  {text}".strip())
