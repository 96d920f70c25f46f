"""The labelling session in a notebook."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from functools import partial
from typing import Any

from ipywidgets import Button, HBox, IntProgress, Layout, VBox

from bot.lab.labelling.session import LabellingSession, Progress, Question, became_of
from bot.lab.notebook.verbatim import Verbatim
from graph.explain.reasons import explain_decision
from graph.settings.context import TurnContext
from memory.errors import GoatError
from memory.models import Mechanism
from memory.prompt.prompt import format_time

FOUND = {
    Mechanism.THEMATIC: "found by what it says",
    Mechanism.TEMPORAL: "found by its time",
    Mechanism.KEY: "found by a key",
}
NOTHING = (
    "There is nothing to label yet: no recorded turn found a memory. Talk with the agent, then come back."
)
DONE = "Everything is labelled."
SKIPPED = "Everything is labelled, or skipped. Run this cell again to come back to what was skipped."
BELOW = "Run the cells below again: they go by what you said."
LEAST = 0.3
"""Seconds for which a question has stood before a click answers it: a double click, or a key that is held,
must not answer what nobody has read."""
_LINES = 3, 8
_Work = Callable[[], Coroutine[Any, Any, None]]


class LabellingWidget(VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Message, memory and three answers; what became of the memory is told after the answer.

    Create it in a cell, hence on the event loop that its answers are kept on. What is clicked while an answer
    is being kept does nothing; the buttons stay enabled, or they would lose the keyboard.
    """

    def __init__(
        self, session: LabellingSession, context: TurnContext, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._session, self._context, self._clock = session, context, clock
        self._loop = asyncio.get_running_loop()
        self._since, self._busy = 0.0, False
        self.saving: Future[None] | None = None
        """What the last click began."""
        self.message, self.memory = Verbatim("Message", _LINES[0]), Verbatim("Memory", _LINES[1])
        self.where, self.told, self.counted = Verbatim(), Verbatim(), Verbatim()
        self.bar = IntProgress(min=0, max=1, layout=Layout(flex="1 1 8em", width="auto"))
        self.counted.layout.flex = "0 0 auto"
        self.relevant = _button("It helps", "success", "This memory helps to answer the message")
        self.irrelevant = _button("It does not", "danger", "This memory does not help to answer the message")
        self.none = _button("None of these does", "", "Nor do the memories of this message still to come")
        self.skip = _button("Skip", "", "I cannot tell; it is asked again next time")
        self.back = _button("Back", "", "Answer the question before anew")
        self._on_click(self.relevant, partial(self._answered, relevant=True))
        self._on_click(self.irrelevant, partial(self._answered, relevant=False))
        self._on_click(self.skip, partial(self._answered, relevant=None))
        self._on_click(self.none, self._none)
        self._on_click(self.back, self._session.back)
        answers = HBox([self.relevant, self.irrelevant, self.none, self.skip, self.back])
        answers.layout.flex_flow = "row wrap"
        progress = HBox([self.bar, self.counted])
        super().__init__([self.message, self.where, self.memory, answers, self.told, progress])
        self.show()

    def show(self) -> None:
        """Show what is asked now, and how far it has come."""
        asked, progress = self._session.current, self._session.progress
        self.bar.max, self.bar.value = max(progress.of_turns, 1), progress.turns
        self.counted.text = str(progress)
        self.message.text = asked.turn.message if asked else ""
        self.memory.text = _memory(asked) if asked else finished(progress)
        self.where.text = _where(asked, self._session.said) if asked else ""
        for button in (self.relevant, self.irrelevant, self.none, self.skip):
            button.disabled = asked is None
        self._since = self._clock()

    def _on_click(self, button: Button, work: _Work) -> None:
        button.on_click(lambda _: self._begin(work))

    def _begin(self, work: _Work) -> None:
        if self._busy or self._clock() - self._since < LEAST:
            return
        self._busy, self.told.text = True, ""
        self.saving = asyncio.run_coroutine_threadsafe(self._done(work), self._loop)

    async def _done(self, work: _Work) -> None:
        try:
            await work()
        except (GoatError, ValueError) as error:
            self.told.text = f"Not kept: {error}"
        finally:
            self.show()
            self._busy = False

    async def _answered(self, *, relevant: bool | None) -> None:
        asked = await self._session.answer(relevant)
        if asked and relevant is not None:
            self.told.text = _became(asked, self._context)

    async def _none(self) -> None:
        await self._session.none_of_these()


def finished(progress: Progress) -> str:
    """Say what to do when nothing is left to ask."""
    if not progress.of_turns:
        return NOTHING
    return f"{SKIPPED if progress.skipped else DONE} {BELOW}"


def _button(name: str, style: str, why: str) -> Button:
    return Button(description=name, button_style=style, tooltip=why)


def _memory(asked: Question) -> str:
    candidate = asked.candidate
    parts = [candidate.said, f"- {candidate.reply}" if candidate.reply else ""]
    return "\n\n".join(part for part in parts if part)


def _where(asked: Question, said: bool | None) -> str:
    candidate, zone = asked.candidate, asked.turn.inputs.zone
    asked_on, from_day = format_time(asked.turn.at, zone), format_time(candidate.at, zone)
    before = {None: "", True: " You said: it helps.", False: " You said: it does not."}[said]
    return f"Asked on {asked_on}. A memory of {from_day}, {FOUND[candidate.mechanism]}.{before}"


def _became(asked: Question, context: TurnContext) -> str:
    decision = became_of(asked, context)
    shown = "shown" if decision.kept else "left out"
    return f"The last one: probability {decision.probability:.0%}, {shown} ({explain_decision(decision)})."
