"""Labels of past turns' memories: by hand, in memory and in the owner's file; weak ones from reactions.

A liked answer counts for the memories that it was given, a disliked one against them. Neither says anything
about a memory that was left out. An answer may be liked although a memory did not help, so nothing is tuned
on these labels; they only show whether probabilities and reactions agree.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.lab.past.past_turns import PastTurn
from memory.episodic.log.feedback_log import Feedback, Label, LabelLog
from memory.errors import ConfigError
from memory.models import Decision
from memory.observation.observation import Observation
from memory.tuning.curves import LabelledTurn, TurnCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class WeakLabel:
    """A label for a shown memory, from the reaction to the answer."""

    turn_id: str
    memory: str
    relevant: bool
    probability: float
    """Its probability when it was shown."""


def weak_labels(feedback: Iterable[Feedback], observations: Iterable[Observation]) -> list[WeakLabel]:
    """Return a label for each memory shown in an answer that has a reaction."""
    liked = {one.turn_id: one.good for one in feedback}
    return [
        WeakLabel(
            turn_id=observation.turn_id,
            memory=judged.turn_id,
            relevant=liked[observation.turn_id],
            probability=judged.probability,
        )
        for observation in observations
        if observation.turn_id in liked
        for judged in observation.decisions
        if judged.kept
    ]


def agreement(weak: Sequence[WeakLabel], by_hand: Iterable[Label]) -> tuple[int, int]:
    """Return how many memories have a reaction and a label by hand, and of how many both say the same."""
    said = {(label.turn_id, label.memory): label.relevant for label in by_hand}
    both = [label for label in weak if (label.turn_id, label.memory) in said]
    return len(both), sum(label.relevant == said[label.turn_id, label.memory] for label in both)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPastTurn:
    """A past turn, and which of its offered memories help."""

    turn: PastTurn
    relevant: frozenset[str]
    """Turn ids of those that help."""

    def counts(self, shown: Collection[str]) -> TurnCounts:
        """Count the offered memories that help, are shown, and both, if the turn shows these.

        Others are left out: it is unknown whether they help.
        """
        known = {candidate.turn_id for candidate in self.turn.offered}
        return TurnCounts.of(self.turn.day, known.intersection(shown), self.relevant)


class Labels:
    """What a person said about memories; each label is saved before it counts."""

    def __init__(
        self,
        log: LabelLog,
        owner: str,
        said: Iterable[Label] = (),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._log, self._owner, self._clock = log, owner, clock
        self._said = {(label.turn_id, label.memory): label for label in said}
        self.revision = 0
        """Number of changes so far."""

    @property
    def all(self) -> list[Label]:
        return list(self._said.values())

    @property
    def answers(self) -> Mapping[tuple[str, str], Label]:
        """The labels by turn and memory."""
        return self._said

    def of(self, turn_id: str, memory: str) -> bool | None:
        """Return whether a memory helps with a turn's message; None if nobody said."""
        label = self._said.get((turn_id, memory))
        return None if label is None else label.relevant

    def done(self, turn: PastTurn) -> bool:
        """Return whether a turn has memories to label, and each has a label."""
        pairs = [(turn.turn_id, candidate.turn_id) for candidate in turn.offered]
        return bool(pairs) and self._said.keys() >= {*pairs}

    async def set(self, turn_id: str, memory: str, *, helps: bool | None) -> None:
        """Save a label; None deletes it.

        Raises:
            MemoryTierError: it cannot be saved.
        """
        if helps is None:
            await self.remove(turn_id, memory)
        else:
            await self.put([(turn_id, memory)], helps=helps)

    async def put(self, pairs: Sequence[tuple[str, str]], *, helps: bool) -> None:
        """Save the same label for all these turns and memories, or for none, as `LabelLog.put` does."""
        at = self._clock()
        labels = [Label(turn_id=turn, memory=memory, relevant=helps, at=at) for turn, memory in pairs]
        await self._log.put(labels, owner=self._owner)
        self._said |= dict(zip(pairs, labels, strict=True))
        self.revision += 1

    async def remove(self, turn_id: str, memory: str) -> None:
        """Delete a label, as `LabelLog.remove` does."""
        await self._log.remove(turn_id, memory, owner=self._owner)
        self._said.pop((turn_id, memory), None)
        self.revision += 1

    async def reload(self) -> None:
        """Read all labels again, such as those that another program saved."""
        self._said = {(one.turn_id, one.memory): one for one in await self._log.all(owner=self._owner)}
        self.revision += 1

    def labelled(self, turn: PastTurn) -> LabelledPastTurn:
        """Return a turn with its labels, of which some may be missing."""
        offered = (candidate.turn_id for candidate in turn.offered)
        relevant = frozenset(memory for memory in offered if self.of(turn.turn_id, memory))
        return LabelledPastTurn(turn=turn, relevant=relevant)

    def scored(self, turn: PastTurn, decisions: Mapping[str, Decision]) -> LabelledTurn:
        """Return a turn's labelled memories with the probabilities of these decisions."""
        found = [
            (decisions[memory].probability, helps)
            for candidate in turn.offered
            if (helps := self.of(turn.turn_id, memory := candidate.turn_id)) is not None
            and memory in decisions
        ]
        return LabelledTurn(group=turn.day, found=found, relevant=sum(helps for _, helps in found))


def check_found(turns: Iterable[PastTurn], turn_id: str, memory: str) -> None:
    """Refuse a label of a memory that a turn did not find, or of a turn that is not among these.

    Raises:
        ConfigError: names it.
    """
    turn = next((turn for turn in turns if turn.turn_id == turn_id), None)
    if turn is None:
        raise ConfigError(
            f"No turn {turn_id!r} is in this past, so nothing is labelled. `past.turns` lists its turns."
        )
    if all(candidate.turn_id != memory for candidate in turn.state["recall"].candidates):
        raise ConfigError(
            f"Turn {turn_id!r} did not find a memory {memory!r}, so nothing is labelled. "
            "`past.decide().memories` lists what each turn found."
        )
