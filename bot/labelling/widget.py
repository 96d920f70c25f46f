"""The labelling session in a notebook. What people wrote is shown as text, never as HTML or mathematics."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any

from ipywidgets import Button, HBox, IntProgress, Label, Layout, Textarea, VBox

from bot.labelling.session import LabellingSession, Question, became_of
from bot.screen import printable
from graph.context import TurnContext
from graph.reasons import told
from memory.errors import GoatError
from memory.models import Mechanism
from memory.prompt import day

FOUND = {
    Mechanism.THEMATIC: "found by what it says",
    Mechanism.TEMPORAL: "found by its time",
    Mechanism.KEY: "found by a key",
}
DONE = "Everything is labelled, or skipped. Run the cell again to come back to what was skipped."
_ROWS = 3, 8
_WIDE = Layout(width="100%")


class LabellingWidget(VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Message, memory and three answers; what became of the memory is told after the answer.

    Create it in a cell, hence on the event loop that its answers are kept on.
    """

    def __init__(self, session: LabellingSession, context: TurnContext) -> None:
        self._session, self._context = session, context
        self._loop = asyncio.get_running_loop()
        self.saving: Future[None] | None = None
        """What the last click began."""
        self.message = _text("Message", _ROWS[0])
        self.memory = _text("Memory", _ROWS[1])
        self.where, self.told, self.counted = Label(), Label(), Label()
        self.bar = IntProgress(min=0, max=1, layout=_WIDE)
        self.relevant = _button("It helps", "success", "This memory helps to answer the message")
        self.irrelevant = _button("It does not", "danger", "This memory does not help to answer the message")
        self.none = _button("None of these does", "", "Nor do the memories of this message still to come")
        self.skip = _button("Skip", "", "I cannot tell; it is asked again next time")
        self.back = _button("Back", "", "Answer the question before anew")
        self.relevant.on_click(lambda _: self._begin(self._answered(relevant=True)))
        self.irrelevant.on_click(lambda _: self._begin(self._answered(relevant=False)))
        self.skip.on_click(lambda _: self._begin(self._answered(relevant=None)))
        self.none.on_click(lambda _: self._begin(self._none()))
        self.back.on_click(lambda _: self._begin(self._returned()))
        answers = HBox([self.relevant, self.irrelevant, self.none, self.skip, self.back])
        super().__init__(
            [self.message, self.where, self.memory, answers, self.told, HBox([self.bar, self.counted])]
        )
        self.show()

    def show(self) -> None:
        """Show what is asked now, and how far it has come."""
        asked, progress = self._session.current, self._session.progress
        self.bar.max, self.bar.value = max(progress.of_turns, 1), progress.turns
        self.counted.value = str(progress)
        self.message.value = printable(asked.turn.message) if asked else ""
        self.memory.value = _memory(asked) if asked else DONE
        self.where.value = _where(asked, self._session.said) if asked else ""
        self._enable(asked is not None)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Do what was clicked; nothing else can be clicked meanwhile."""
        self._enable(False)
        self.saving = asyncio.run_coroutine_threadsafe(self._done(work), self._loop)

    async def _done(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except (GoatError, ValueError) as error:
            self.told.value = f"Not kept: {_plain(str(error))}"
        finally:
            self.show()

    async def _answered(self, *, relevant: bool | None) -> None:
        asked = await self._session.answer(relevant)
        self.told.value = _became(asked, self._context) if asked and relevant is not None else ""

    async def _none(self) -> None:
        await self._session.none_of_these()
        self.told.value = ""

    async def _returned(self) -> None:
        self._session.back()
        self.told.value = ""

    def _enable(self, enabled: bool) -> None:
        for button in (self.relevant, self.irrelevant, self.none, self.skip):
            button.disabled = not enabled
        self.back.disabled = not (enabled or self._session.current is None)


def _text(name: str, rows: int) -> Textarea:
    return Textarea(description=name, disabled=True, rows=rows, layout=_WIDE)


def _button(name: str, style: str, why: str) -> Button:
    return Button(description=name, button_style=style, tooltip=why)


def _memory(asked: Question) -> str:
    candidate = asked.candidate
    parts = [candidate.message, f"- {candidate.reply}" if candidate.reply else ""]
    return printable("\n\n".join(part for part in parts if part))


def _where(asked: Question, said: bool | None) -> str:
    candidate, zone = asked.candidate, asked.turn.zone
    asked_on, from_day = day(asked.turn.at, zone), day(candidate.at, zone)
    before = {None: "", True: " You said: it helps.", False: " You said: it does not."}[said]
    return f"Asked on {asked_on}. A memory of {from_day}, {FOUND[candidate.mechanism]}.{before}"


def _became(asked: Question, context: TurnContext) -> str:
    decision = became_of(asked, context)
    shown = "shown" if decision.kept else "left out"
    return f"The last one: probability {decision.probability:.0%}, {shown} ({told(decision)})."


def _plain(text: str) -> str:
    """Return text that a label, which knows mathematics, shows as it is."""
    return printable(text).replace("$", "＄").replace("\\", "＼")
