"""Weak labels from reactions to answers, separate from labels made by hand.

A liked answer counts for the memories that it was given, a disliked one against them. Neither says anything
about a memory that was left out. An answer may be liked although a memory did not help, so nothing is tuned
on these labels; they only show whether probabilities and reactions agree.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from memory.episodic.log.feedback_log import Feedback
from memory.episodic.log.label_log import Label
from memory.observation.observation import Observation


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
