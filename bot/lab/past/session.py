"""A labelling session: a person says, for one memory after another, whether it helps with a past message."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.lab.past.labels import Labels
from bot.lab.past.past_turns import PastTurn, lot
from graph.settings.context import TurnContext
from memory.models import Candidate, Decision


@dataclass(frozen=True, slots=True)
class Question:
    """Asks whether a memory helps to answer a message."""

    turn: PastTurn
    candidate: Candidate

    @property
    def pair(self) -> tuple[str, str]:
        """Turn ids of the message and of the memory."""
        return self.turn.turn_id, self.candidate.turn_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    turns: int
    """Number of completely labelled turns."""
    of_turns: int
    labels: int
    skipped: int

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.turns} of {self.of_turns} turns labelled, {self.labels} labels{skipped}"


class LabellingSession:
    """Asks about the memories of turns, in order; each answer is saved before the next question.

    The memories of a turn come in random order, so that the order does not reveal their ranks. What has a
    label is not asked again.
    """

    def __init__(self, labels: Labels, turns: Sequence[PastTurn]) -> None:
        self._labels = labels
        self._turns = [turn for turn in turns if turn.offered]
        self._questions = [Question(turn, one) for turn in self._turns for one in _shuffle(turn)]
        self._skipped: set[tuple[str, str]] = set()
        self._before: list[Sequence[Question]] = []
        self._current = self._next()

    @property
    def current(self) -> Question | None:
        """The current question; None when all are answered or skipped."""
        return self._current

    @property
    def earlier_answer(self) -> bool | None:
        """The earlier answer to the current question, after `back`."""
        return self._labels.of(*self._current.pair) if self._current else None

    @property
    def progress(self) -> Progress:
        asked, answered = {question.pair for question in self._questions}, self._labels.answers.keys()
        return Progress(
            turns=sum(map(self._labels.done, self._turns)),
            of_turns=len(self._turns),
            labels=len(asked & answered),
            skipped=len(self._skipped - answered),
        )

    async def answer(self, relevant: bool | None) -> Question | None:
        """Save an answer to the current question; return that question.

        None skips it for now, and deletes an earlier answer.

        Raises:
            MemoryTierError: it cannot be saved; the question stays current.
        """
        asked = self._current
        if asked is None:
            return None
        if relevant is None:
            await self._delete([asked])
            self._skipped.add(asked.pair)
        else:
            await self._labels.put([asked.pair], helps=relevant)
        self._advance([asked])
        return asked

    async def none_of_these(self) -> Question | None:
        """Answer no for all remaining memories of the current message; return the current question.

        Raises:
            MemoryTierError: it cannot be saved; the question stays current.
        """
        asked = self._current
        if asked is None:
            return None
        gone = self._labels.answers.keys() | self._skipped | {asked.pair}
        rest = [one for one in self._questions if one.turn is asked.turn and one.pair not in gone]
        await self._labels.put([one.pair for one in (asked, *rest)], helps=False)
        self._advance([asked, *rest])
        return asked

    async def back(self) -> None:
        """Return to the previous question.

        Other answers that were saved together with it are deleted, so that those memories are asked about
        again.

        Raises:
            MemoryTierError: they cannot be deleted; the question stays current.
        """
        if not self._before:
            return
        asked, *others = self._before[-1]
        await self._delete(others)
        self._before.pop()
        self._current = asked

    async def _delete(self, questions: Sequence[Question]) -> None:
        for one in questions:
            if one.pair in self._labels.answers:
                await self._labels.remove(*one.pair)

    def _advance(self, answered: Sequence[Question]) -> None:
        self._before.append(answered)
        self._current = self._next()

    def _next(self) -> Question | None:
        gone = self._labels.answers.keys() | self._skipped
        return next((question for question in self._questions if question.pair not in gone), None)


def decision_of(question: Question, context: TurnContext) -> Decision:
    """Return the decision on a memory with the settings in force, to show after the answer."""
    decisions = {decision.turn_id: decision for decision in question.turn.decisions(context)}
    return decisions[question.candidate.turn_id]


def _shuffle(turn: PastTurn) -> list[Candidate]:
    return sorted(turn.offered, key=lambda candidate: lot(turn.turn_id, candidate.turn_id))
