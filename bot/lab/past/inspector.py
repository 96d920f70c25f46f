"""Widget that shows one past turn: its message, its memories with their evidence, and labels to click."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from ipywidgets import HTML, HBox, Layout, ToggleButtons, VBox

from bot.lab.past.decided_past import DecidedTurn
from bot.lab.past.labels import Labels
from bot.lab.widgets import Table, Verbatim
from graph.explain.explanation import explain_decision
from memory.errors import GoatError
from memory.models import Candidate
from memory.prompt.prompt import format_time

HELPS, DOES_NOT, UNKNOWN = "helps", "does not", "not labelled"
_CHOICES = {True: HELPS, False: DOES_NOT, None: UNKNOWN}
_LINES = 3


class Inspector(VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Shows a turn; a click on a label saves it, and then calls `on_label`."""

    def __init__(self, labels: Labels, on_label: Callable[[], None] = lambda: None) -> None:
        self._labels, self._on_label = labels, on_label
        self._loop = asyncio.get_running_loop()
        self.saving: Future[None] | None = None
        """The task of the last click."""
        self.message, self.note = Verbatim("Message", _LINES), Verbatim()
        self.memories = VBox()
        self.choices: dict[str, ToggleButtons] = {}
        """The label of each memory, by turn id."""
        super().__init__([self.message, self.note, self.memories])

    def show(self, one: DecidedTurn | None, first: str = "") -> None:
        """Show a turn, with the memory `first` on top; None shows nothing."""
        self.note.text, self.choices = "", {}
        self.message.text = one.turn.message if one else ""
        self.memories.children = () if one is None else tuple(self._rows(one, first))

    def _rows(self, one: DecidedTurn, first: str) -> list[VBox]:
        asked = format_time(one.turn.at, one.turn.inputs.zone)
        self.note.text = f"Asked on {asked}, with {one.turn.state['recall'].query.documents} turns archived."
        wanted = ({memory.turn_id for memory in one.turn.offered} | {first}) & one.decisions.keys()
        found = [memory for memory in one.turn.state["recall"].candidates if memory.turn_id in wanted]
        found.sort(key=lambda memory: (memory.turn_id != first, -one.decisions[memory.turn_id].probability))
        return [self._row(one, memory) for memory in found]

    def _row(self, one: DecidedTurn, memory: Candidate) -> VBox:
        decision, evidence = one.decisions[memory.turn_id], memory.evidence
        text = Verbatim("Shown" if decision.kept else "Left out", _LINES)
        text.text = "\n".join(filter(None, (memory.said, memory.reply)))
        told = (
            (format_time(memory.at, one.turn.inputs.zone), f"{decision.probability:.0%}"),
            (explain_decision(decision),),
            (evidence.cosine, evidence.standing, evidence.lexical, evidence.coverage),
        )
        columns = ("of", "probability", "by the rule", "cosine", "standing", "BM25", "share of its words")
        table = HTML(Table(columns, [[value for part in told for value in part]])._repr_html_())
        choice = ToggleButtons(
            options=list(_CHOICES.values()),
            value=_CHOICES[self._labels.of(one.turn.turn_id, memory.turn_id)],
            style={"button_width": "auto"},
        )
        choice.observe(partial(self._chosen, one.turn.turn_id, memory.turn_id), "value")
        self.choices[memory.turn_id] = choice
        return VBox([text, HBox([choice, table], layout=Layout(flex_flow="row wrap"))])

    def _chosen(self, turn: str, memory: str, change: dict[str, str]) -> None:
        helps = next(helps for helps, name in _CHOICES.items() if name == change["new"])
        self.saving = asyncio.run_coroutine_threadsafe(self._save(turn, memory, helps), self._loop)

    async def _save(self, turn: str, memory: str, helps: bool | None) -> None:
        try:
            await self._labels.set(turn, memory, helps=helps)
        except (GoatError, ValueError) as error:
            self.note.text = f"Not saved: {error}"
            return
        self._on_label()
