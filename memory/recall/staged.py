"""Two decisions: whether a message calls for memory, and which memories answer it.

Three models, one file for each embedding model in `memory.calibration`: a linear one over the message's
vector (calls for memory or not), a logistic one over each memory's traits (which one answers, given that one
does), and a logistic one over the message and its best memories (show any or none).
"""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from memory.models import Candidate, Decision, DecisionRule
from memory.recall.evidence_traits import MessageContext, call_traits, memory_traits
from memory.recall.relevance import PACKAGE, Logistic, file_name, probability
from memory.recall.statements import is_bare_question

PREFIX = "staged-"
CLOSER = 0.72
"""Factor on `fall`: memories that answer have closer log-odds than memories that are relevant."""
MOST = 3
"""Most memories that answer a message; a memory that supersedes one of them is added to it."""
RIVAL = 5.0
"""Log-odds below a question without an answer, from which a memory is not taken to answer it either."""


class Direction(BaseModel):
    """A linear model over a message's vector."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    intercept: float
    weights: tuple[float, ...]


class Staged(BaseModel):
    """The fitted models of both decisions."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    version: Literal[1]
    embedding_model: str
    message: Direction
    answers: Logistic
    calls: Logistic
    data: Mapping[str, str]
    """SHA-256 of each data set in the fit, by name."""
    figures: Mapping[str, float] = Field(default_factory=dict)
    """Metrics on held-out people."""

    def decisions(
        self, asked: MessageContext, candidates: Sequence[Candidate], *, threshold: float, fall: float
    ) -> list[Decision]:
        """Decide on each candidate.

        Args:
            asked: the message.
            candidates: the memories found for it.
            threshold: the probability from which any memory is shown.
            fall: how far the log-odds of a memory may lie below the best one's; questions without an answer
                do not count as the best, if another memory is `RIVAL` or less below them.
        """
        if not candidates:
            return []
        traits = memory_traits(asked, candidates)
        chances = [self.answers.log_odds(each) for each in traits]
        called = self.calls.log_odds(call_traits(asked, traits, chances))
        by_id = {each.turn_id: chance for each, chance in zip(candidates, chances, strict=True)}
        unanswered = {
            each.turn_id
            for each, told in zip(candidates, traits, strict=True)
            if is_bare_question(each) or (told["open"] and each.reply)
        }
        return staged_rule(by_id, called, unanswered=unanswered, threshold=threshold, fall=fall * CLOSER)


def staged_rule(
    chances: Mapping[str, float],
    called: float,
    *,
    threshold: float,
    fall: float,
    unanswered: Collection[str] = (),
) -> list[Decision]:
    """Decide by the log-odds of each memory, by turn id, and of the message; see `Staged.decisions`.

    `unanswered` are questions without an answer. They resemble a repeated question most and would crowd out
    its answers, so they get only the places that other memories leave.
    """
    most = max(chances.values())
    if not any(chance >= most - RIVAL for turn_id, chance in chances.items() if turn_id not in unanswered):
        unanswered = ()  # nothing that was found answers it
    order = sorted(chances, key=lambda turn_id: (turn_id in unanswered, -chances[turn_id]))
    best = chances[order[0]]
    near = [turn_id for turn_id in order if chances[turn_id] >= best - fall]
    called_for, sure = probability(called) >= threshold, probability(called)
    found = []
    for turn_id, chance in chances.items():
        kept, rule, score, bar = (
            called_for,
            DecisionRule.CALL if called_for else DecisionRule.NO_CALL,
            sure,
            threshold,
        )
        if called_for and turn_id not in near:
            kept, rule, score, bar = False, DecisionRule.WEAKER, chance - best, -fall
        elif called_for and turn_id not in near[:MOST]:
            kept, rule = False, DecisionRule.FURTHER
        both = probability(called + chance - most)
        found.append(
            Decision(turn_id=turn_id, kept=kept, rule=rule, score=score, threshold=bar, probability=both)
        )
    return found


@cache
def read_staged(embedding_model: str) -> Staged | None:
    """Read the fit of an embedding model, or None."""
    found = files(PACKAGE).joinpath(PREFIX + file_name(embedding_model))
    return Staged.model_validate_json(found.read_text("utf-8")) if found.is_file() else None


def called_for(embedding_model: str, vector: NDArray[np.float32]) -> float | None:
    """Return the log-odds that a message with this vector calls for memory; None without a fit."""
    staged = read_staged(embedding_model)
    if staged is None or len(staged.message.weights) != len(vector):
        return None
    weights = np.asarray(staged.message.weights, np.float64)
    return round(float(vector.astype(np.float64) @ weights) + staged.message.intercept, 6)
