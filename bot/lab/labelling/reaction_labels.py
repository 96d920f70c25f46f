"""Labels from what people thought of answers: weak ones, told apart from those made by hand.

A liked answer speaks for the memories that it was given, a disliked one against them. Neither says anything
of a memory that was left out. An answer may be liked although a memory was no help, so nothing is tuned by
these labels; they show whether probabilities and reactions point the same way.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from memory.episodic.log.feedback_log import Feedback
from memory.episodic.log.label_log import Label
from memory.observation.observation import Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class WeakLabel:
    """What a reaction to an answer says of a memory that was shown for it."""

    turn_id: str
    memory: str
    relevant: bool
    probability: float
    """With which it was shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far reactions and labels made by hand say the same."""

    both: int
    """Memories that both speak of."""
    same: int

    @property
    def share(self) -> float | None:
        """Of those, the share on which they agree; None when there is none."""
        return self.same / self.both if self.both else None


def weak_labels(feedback: Iterable[Feedback], observations: Iterable[Observation]) -> list[WeakLabel]:
    """Return what reactions say of the memories that were shown; of what was cut they say nothing."""
    liked = {one.turn_id: one.good for one in feedback}
    return [
        label
        for observation in observations
        if observation.turn_id in liked
        for label in _shown(observation, relevant=liked[observation.turn_id])
    ]


def agreement(weak: Sequence[WeakLabel], by_hand: Iterable[Label]) -> Agreement:
    """Hold reactions against what was labelled by hand."""
    said = {(label.turn_id, label.memory): label.relevant for label in by_hand}
    both = [label for label in weak if (label.turn_id, label.memory) in said]
    same = sum(label.relevant == said[label.turn_id, label.memory] for label in both)
    return Agreement(both=len(both), same=same)


def _shown(observation: Observation, *, relevant: bool) -> Iterator[WeakLabel]:
    for judged in observation.decisions:
        if judged.kept:
            yield WeakLabel(
                turn_id=observation.turn_id,
                memory=judged.turn_id,
                relevant=relevant,
                probability=judged.probability,
            )
