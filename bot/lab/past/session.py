"""A labelling session: a person says, for one memory after another, whether it helps with a past message."""

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from bot.lab.past.past_turns import PastTurn, lot
from graph.settings.context import TurnContext
from memory.episodic.log.feedback_log import Label
from memory.models import Candidate, Decision


class LabelStore(Protocol):
    """Where a session saves its answers, such as a `LabelLog`."""

    async def put(self, labels: Sequence[Label], *, owner: str) -> None:
        """Store all labels or none, replacing earlier ones of the same turn and memory."""

    async def remove(self, turn_id: str, memory: str, *, owner: str) -> None:
        """Delete the label of a memory for a turn."""


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

    The memories of a turn come in random order, so that the order does not reveal their ranks. What `labels`
    of earlier sessions answer is not asked again.
    """

    def __init__(
        self,
        log: LabelStore,
        owner: str,
        turns: Sequence[PastTurn],
        labels: Iterable[Label] = (),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._log = log
        self._owner = owner
        self._turns = [turn for turn in turns if turn.offered]
        self._questions = [Question(turn, one) for turn in self._turns for one in _shuffle(turn)]
        self._answers = {(label.turn_id, label.memory): label.relevant for label in labels}
        self._skipped: set[tuple[str, str]] = set()
        self._clock = clock
        self._before: list[Sequence[Question]] = []
        self._current = self._next()

    @property
    def current(self) -> Question | None:
        """The current question; None when all are answered or skipped."""
        return self._current

    @property
    def earlier_answer(self) -> bool | None:
        """The earlier answer to the current question, after `back`."""
        return self._answers.get(self._current.pair) if self._current else None

    @property
    def progress(self) -> Progress:
        asked = {question.pair for question in self._questions}
        done = [turn for turn in self._turns if is_labelled(turn, self._answers)]
        return Progress(
            turns=len(done),
            of_turns=len(self._turns),
            labels=len(asked & self._answers.keys()),
            skipped=len(self._skipped - self._answers.keys()),
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
            await self._save([asked], relevant)
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
        gone = self._answers.keys() | self._skipped | {asked.pair}
        rest = [one for one in self._questions if one.turn is asked.turn and one.pair not in gone]
        await self._save([asked, *rest], relevant=False)
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

    async def _save(self, questions: Sequence[Question], relevant: bool) -> None:
        at = self._clock()
        labels = [Label(turn_id=q.pair[0], memory=q.pair[1], relevant=relevant, at=at) for q in questions]
        await self._log.put(labels, owner=self._owner)
        self._answers |= {question.pair: relevant for question in questions}

    async def _delete(self, questions: Sequence[Question]) -> None:
        for one in questions:
            if one.pair in self._answers:
                await self._log.remove(*one.pair, owner=self._owner)
                del self._answers[one.pair]

    def _advance(self, answered: Sequence[Question]) -> None:
        self._before.append(answered)
        self._current = self._next()

    def _next(self) -> Question | None:
        gone = self._answers.keys() | self._skipped
        return next((question for question in self._questions if question.pair not in gone), None)


def is_labelled(turn: PastTurn, answers: Container[tuple[str, str]]) -> bool:
    """Return whether every offered memory of a turn has an answer."""
    return all((turn.turn_id, candidate.turn_id) in answers for candidate in turn.offered)


def decision_of(question: Question, context: TurnContext) -> Decision:
    """Return the decision on a memory with the settings in force, to show after the answer."""
    decisions = {decision.turn_id: decision for decision in question.turn.decisions(context)}
    return decisions[question.candidate.turn_id]


def _shuffle(turn: PastTurn) -> list[Candidate]:
    return sorted(turn.offered, key=lambda candidate: lot(turn.turn_id, candidate.turn_id))
