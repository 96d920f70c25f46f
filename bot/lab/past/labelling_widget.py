"""Widget for a labelling session in a notebook."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from functools import partial
from typing import Any

from ipywidgets import Button, HBox, IntProgress, Layout, VBox

from bot.lab.past.session import LabellingSession, Progress, Question, decision_of
from bot.lab.widgets import Verbatim
from graph.explain.explanation import explain_decision
from graph.settings.context import TurnContext
from memory.errors import GoatError
from memory.models import Mechanism
from memory.prompt.prompt import format_time
from memory.recall.mechanisms import MECHANISMS

FOUND_BY = {
    Mechanism.THEMATIC: "found by its meaning",
    **{one.name: f"found by its {one.label}" for one in MECHANISMS},
}
NOTHING = "There is nothing to label yet: no recorded turn found a memory. Chat with the agent first."
DONE = "Everything is labelled."
SKIPPED = "Everything is labelled, or skipped. Run this cell again to answer what was skipped."
BELOW = "Run the cells below again: they use your answers."
LEAST = 0.3
"""Seconds before a click counts, so that a double click or a held key does not answer an unread question."""
_LINES = 3, 8
_Work = Callable[[], Coroutine[Any, Any, None]]


class LabellingWidget(VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Shows message, memory and answers; the decision on the memory appears after the answer.

    Create it in a cell, on the event loop that saves the answers. Clicks are ignored while an answer is being
    saved; the buttons stay enabled, since disabled ones would lose the keyboard focus.
    """

    def __init__(
        self, session: LabellingSession, context: TurnContext, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._session, self._context, self._clock = session, context, clock
        self._loop = asyncio.get_running_loop()
        self._since, self._busy = 0.0, False
        self.saving: Future[None] | None = None
        """The task of the last click."""
        self.message, self.memory = Verbatim("Message", _LINES[0]), Verbatim("Memory", _LINES[1])
        self.where, self.result, self.count = Verbatim(), Verbatim(), Verbatim()
        self.bar = IntProgress(min=0, max=1, layout=Layout(flex="1 1 8em", width="auto"))
        self.count.layout.flex = "0 0 auto"
        self.relevant = _button("It helps", "success", "This memory helps to answer the message")
        self.irrelevant = _button("It does not", "danger", "This memory does not help to answer the message")
        self.none = _button("None of these does", "", "No other memory of this message helps either")
        self.skip = _button("Skip", "", "I do not know; ask again next time")
        self.back = _button("Back", "", "Answer the previous question again")
        self._on_click(self.relevant, partial(self._answered, relevant=True))
        self._on_click(self.irrelevant, partial(self._answered, relevant=False))
        self._on_click(self.skip, partial(self._answered, relevant=None))
        self._on_click(self.none, self._none)
        self._on_click(self.back, self._session.back)
        answers = HBox([self.relevant, self.irrelevant, self.none, self.skip, self.back])
        answers.layout.flex_flow = "row wrap"
        progress = HBox([self.bar, self.count])
        super().__init__([self.message, self.where, self.memory, answers, self.result, progress])
        self.show()

    def show(self) -> None:
        """Show the current question and the progress."""
        asked, progress = self._session.current, self._session.progress
        self.bar.max, self.bar.value = max(progress.of_turns, 1), progress.turns
        self.count.text = str(progress)
        self.message.text = asked.turn.message if asked else ""
        self.memory.text = _memory(asked) if asked else closing_text(progress)
        self.where.text = _where(asked, self._session.earlier_answer) if asked else ""
        for button in (self.relevant, self.irrelevant, self.none, self.skip):
            button.disabled = asked is None
        self._since = self._clock()

    def _on_click(self, button: Button, work: _Work) -> None:
        button.on_click(lambda _: self._begin(work))

    def _begin(self, work: _Work) -> None:
        if self._busy or self._clock() - self._since < LEAST:
            return
        self._busy, self.result.text = True, ""
        self.saving = asyncio.run_coroutine_threadsafe(self._done(work), self._loop)

    async def _done(self, work: _Work) -> None:
        try:
            await work()
        except (GoatError, ValueError) as error:
            self.result.text = f"Not saved: {error}"
        finally:
            self.show()
            self._busy = False

    async def _answered(self, *, relevant: bool | None) -> None:
        asked = await self._session.answer(relevant)
        if asked and relevant is not None:
            self.result.text = _outcome(asked, self._context)

    async def _none(self) -> None:
        await self._session.none_of_these()


def closing_text(progress: Progress) -> str:
    """Return what to do when no question is left."""
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
    return f"Asked on {asked_on}. A memory of {from_day}, {FOUND_BY[candidate.mechanism]}.{before}"


def _outcome(asked: Question, context: TurnContext) -> str:
    decision = decision_of(asked, context)
    shown = "shown" if decision.kept else "left out"
    return f"The last one: probability {decision.probability:.0%}, {shown} ({explain_decision(decision)})."
