"""Two decisions: does a message call for memory and find it, and which memories answer it.

Three models, kept as data in `memory.calibration`, one file an embedding model: a linear one over the
message's vector (messages that call for memory, and that do not), a logistic one over the traits of each
memory (which one answers, if any does), and a logistic one over message and best memories (is any shown).
"""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from memory.models import Candidate, Decision, DecisionRule
from memory.recall.evidence_traits import Asked, call_traits, memory_traits
from memory.recall.relevance import PACKAGE, Logistic, file_name

PREFIX = "staged-"
CLOSER = 0.72
"""Of `fall`: memories that answer stand closer together than those that are relevant."""
MOST = 3
"""Memories that answer a message, at most; a memory that supersedes one of them comes beside."""


class Direction(BaseModel):
    """A linear model over the vector of a message."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    intercept: float
    weights: tuple[float, ...]


class Staged(BaseModel):
    """What a fit of the two decisions found."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    version: Literal[1]
    embedding_model: str
    message: Direction
    answers: Logistic
    calls: Logistic
    data: Mapping[str, str]
    """SHA-256 of each data set that it was fitted on, by name."""
    figures: Mapping[str, float] = Field(default_factory=dict)
    """What was measured on people who were left out."""

    def decisions(
        self, asked: Asked, candidates: Sequence[Candidate], *, threshold: float, fall: float
    ) -> list[Decision]:
        """Decide on each candidate.

        Args:
            asked: the message.
            candidates: what was found for it.
            threshold: the probability from which the message is taken to call for what was found.
            fall: how far the log-odds of a memory may lie below the best one's.
        """
        if not candidates:
            return []
        traits = memory_traits(asked, candidates)
        chances = [self.answers.log_odds(each) for each in traits]
        called = self.calls.log_odds(call_traits(asked, traits, chances))
        by_id = {each.turn_id: chance for each, chance in zip(candidates, chances, strict=True)}
        return staged_rule(by_id, called, threshold=threshold, fall=fall * CLOSER)


def staged_rule(
    chances: Mapping[str, float], called: float, *, threshold: float, fall: float
) -> list[Decision]:
    """Decide by the log-odds of each memory, by turn id, and of the message; see `Staged.decisions`."""
    best = max(chances.values())
    last = sorted(chances.values(), reverse=True)[:MOST][-1]
    called_for, sure = probability(called) >= threshold, probability(called)
    found = []
    for turn_id, chance in chances.items():
        kept, rule, score, bar = (
            called_for,
            DecisionRule.CALL if called_for else DecisionRule.NO_CALL,
            sure,
            threshold,
        )
        if called_for and chance < best - fall:
            kept, rule, score, bar = False, DecisionRule.WEAKER, chance - best, -fall
        elif called_for and chance < last:
            kept, rule = False, DecisionRule.FURTHER
        both = probability(called + chance - best)
        found.append(
            Decision(turn_id=turn_id, kept=kept, rule=rule, score=score, threshold=bar, probability=both)
        )
    return found


def probability(log_odds: float) -> float:
    """Return the probability of log-odds."""
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, log_odds))))


@cache
def staged_of(embedding_model: str) -> Staged | None:
    """Read the fit for an embedding model; None when there is none."""
    found = files(PACKAGE).joinpath(PREFIX + file_name(embedding_model))
    return Staged.model_validate_json(found.read_text("utf-8")) if found.is_file() else None


def called_for(embedding_model: str, vector: NDArray[np.float32]) -> float | None:
    """Return the log-odds that a message with this vector calls for memory; None when that is not known."""
    staged = staged_of(embedding_model)
    if staged is None or len(staged.message.weights) != len(vector):
        return None
    weights = np.asarray(staged.message.weights, np.float64)
    return round(float(vector.astype(np.float64) @ weights) + staged.message.intercept, 6)
