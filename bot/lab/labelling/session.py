"""A person says of one memory after the other whether it helps to answer a past message."""

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.lab.labelling.past_turns import PastTurn, lot
from graph.settings.context import TurnContext
from memory.episodic.log.label_log import Label, LabelLog
from memory.models import Candidate, Decision


@dataclass(frozen=True, slots=True)
class Question:
    """Does this memory help to answer that message?"""

    turn: PastTurn
    candidate: Candidate

    @property
    def pair(self) -> tuple[str, str]:
        """Turn id of the message, and of the memory."""
        return self.turn.turn_id, self.candidate.turn_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the labelling has come."""

    turns: int
    """Of which every memory is labelled."""
    of_turns: int
    labels: int
    skipped: int

    def __str__(self) -> str:
        """Summarize the result in one line."""
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.turns} of {self.of_turns} turns labelled, {self.labels} labels{skipped}"


class LabellingSession:
    """Ask about the memories of turns in the order given; each answer is kept before the next question.

    The memories of a turn come by lot, so that their order says nothing of how they were ranked.

    Args:
        log: where answers are kept.
        owner: whose turns.
        turns: to ask about, the first one first.
        labels: what was said in earlier sessions; it is not asked again.
        clock: says when an answer is given.
    """

    def __init__(
        self,
        log: LabelLog,
        owner: str,
        turns: Sequence[PastTurn],
        labels: Iterable[Label] = (),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._log = log
        self._owner = owner
        self._turns = [turn for turn in turns if turn.offered]
        self._questions = [Question(turn, one) for turn in self._turns for one in _shuffled(turn)]
        self._said = {(label.turn_id, label.memory): label.relevant for label in labels}
        self._skipped: set[tuple[str, str]] = set()
        self._clock = clock
        self._before: list[Sequence[Question]] = []
        self._current = self._next()

    @property
    def current(self) -> Question | None:
        """What is asked now; None when everything is answered or skipped."""
        return self._current

    @property
    def said(self) -> bool | None:
        """What was said of the current question before, when one went back to it."""
        return self._said.get(self._current.pair) if self._current else None

    @property
    def progress(self) -> Progress:
        """How far it has come."""
        asked = {question.pair for question in self._questions}
        done = [turn for turn in self._turns if is_labelled(turn, self._said)]
        return Progress(
            turns=len(done),
            of_turns=len(self._turns),
            labels=len(asked & self._said.keys()),
            skipped=len(self._skipped - self._said.keys()),
        )

    async def answer(self, relevant: bool | None) -> Question | None:
        """Keep an answer to the current question; return that question.

        None skips it for now, and takes back what was said of it before.

        Raises:
            MemoryTierError: it cannot be kept; the question stays the current one.
        """
        asked = self._current
        if asked is None:
            return None
        if relevant is None:
            await self._take_back([asked])
            self._skipped.add(asked.pair)
        else:
            await self._keep([asked], relevant)
        self._go_on([asked])
        return asked

    async def none_of_these(self) -> Question | None:
        """Say of everything about the current message that is neither answered nor skipped: it does not help.

        Raises:
            MemoryTierError: it cannot be kept; the question stays the current one.
        """
        asked = self._current
        if asked is None:
            return None
        gone = self._said.keys() | self._skipped | {asked.pair}
        rest = [one for one in self._questions if one.turn is asked.turn and one.pair not in gone]
        await self._keep([asked, *rest], relevant=False)
        self._go_on([asked, *rest])
        return asked

    async def back(self) -> None:
        """Return to the question before, to answer it anew.

        What was said at once with it of other memories is taken back, so that they are asked about again.

        Raises:
            MemoryTierError: it cannot be taken back; the question stays the current one.
        """
        if not self._before:
            return
        asked, *others = self._before[-1]
        await self._take_back(others)
        self._before.pop()
        self._current = asked

    async def _keep(self, questions: Sequence[Question], relevant: bool) -> None:
        at = self._clock()
        labels = [Label(turn_id=q.pair[0], memory=q.pair[1], relevant=relevant, at=at) for q in questions]
        await self._log.put(labels, owner=self._owner)
        self._said |= {question.pair: relevant for question in questions}

    async def _take_back(self, questions: Sequence[Question]) -> None:
        for one in questions:
            if one.pair in self._said:
                await self._log.remove(*one.pair, owner=self._owner)
                del self._said[one.pair]

    def _go_on(self, answered: Sequence[Question]) -> None:
        self._before.append(answered)
        self._current = self._next()

    def _next(self) -> Question | None:
        gone = self._said.keys() | self._skipped
        return next((question for question in self._questions if question.pair not in gone), None)


def is_labelled(turn: PastTurn, said: Container[tuple[str, str]]) -> bool:
    """Say whether everything that is offered of a turn was answered."""
    return all((turn.turn_id, candidate.turn_id) in said for candidate in turn.offered)


def became_of(question: Question, context: TurnContext) -> Decision:
    """Return what became of a memory under the settings in force; to be told after the answer."""
    decisions = {decision.turn_id: decision for decision in question.turn.decisions(context)}
    return decisions[question.candidate.turn_id]


def _shuffled(turn: PastTurn) -> list[Candidate]:
    return sorted(turn.offered, key=lambda candidate: lot(turn.turn_id, candidate.turn_id))
