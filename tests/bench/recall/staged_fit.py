"""Fit the two decisions of `memory.recall.staged` on labelled messages, by ridge logistic regression."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from memory.calibration.fit import fit_logistic, regress
from memory.recall.evidence_traits import MessageContext, Traits, call_traits
from memory.recall.relevance import Logistic
from memory.recall.staged import Direction, Staged

OF_MESSAGES, OF_ANSWERS, OF_CALLS = 1e-4, 1e-3, 0.007
"""Ridges, chosen by cross-validation over people: vectors are long, and messages few."""
FOLDS = 5
"""Folds of people: the last model is fitted on predictions of models that have not seen the fold."""
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A message against an archive, with labelled memories."""

    group: str
    """The person; a group is never split between training and prediction."""
    asked: MessageContext
    traits: Sequence[Traits]
    """Of the memories found."""
    gold: Sequence[bool]
    """True for a memory that answers; all False when nothing should be shown."""
    vector: NDArray[np.float32]
    calls: bool
    """The message calls for memory, whether or not this archive has an answer."""
    weight: float = 1.0

    @property
    def answered(self) -> bool:
        """True when an answer is among the candidates."""
        return any(self.gold)


@dataclass(frozen=True, slots=True)
class LabelledMessage:
    """A message without an archive, and whether it calls for memory."""

    vector: NDArray[np.float32]
    calls: bool
    weight: float


def fit_staged(
    samples: Sequence[Sample], messages: Sequence[LabelledMessage], *, model: str, data: Mapping[str, str]
) -> Staged:
    """Fit the three models, the last on out-of-fold predictions of the others."""
    direction = fit_direction([*map(_message, samples), *messages])
    apart = _out_of_fold(samples, messages)
    told = [
        replace(each, asked=with_calls(each.asked, calls))
        for each, (calls, _) in zip(samples, apart, strict=True)
    ]
    chances = [chance for _, chance in apart]
    return Staged(
        version=VERSION,
        embedding_model=model,
        message=direction,
        answers=fit_answers(samples),
        calls=_fit_calls(told, chances),
        data=data,
    )


def with_calls(asked: MessageContext, calls: float) -> MessageContext:
    """Set the log-odds from the message's vector."""
    return replace(asked, query=replace(asked.query, calls=round(calls, 6)))


def message_log_odds(direction: Direction, vector: NDArray[np.float32]) -> float:
    """Return the log-odds that a message calls for memory."""
    return float(vector.astype(np.float64) @ np.asarray(direction.weights)) + direction.intercept


def _message(sample: Sample) -> LabelledMessage:
    return LabelledMessage(sample.vector, sample.calls, sample.weight)


def fit_direction(messages: Sequence[LabelledMessage]) -> Direction:
    """Fit the model that predicts from its vector whether a message calls for memory."""
    rows = np.stack([each.vector for each in messages]).astype(np.float64)
    weights = np.array([each.weight for each in messages])
    found, intercept = regress(rows, [each.calls for each in messages], weights, ridge=OF_MESSAGES)
    return Direction(intercept=round(intercept, 6), weights=tuple(np.round(found, 5).tolist()))


def fit_answers(samples: Sequence[Sample]) -> Logistic:
    """Fit the model of which memory answers, given that one does."""
    rows: list[Traits] = []
    labels: list[bool] = []
    weights: list[float] = []
    for sample in samples:
        if sample.answered:
            rows += sample.traits
            labels += sample.gold
            weights += [sample.weight] * len(sample.gold)
    return _logistic(rows, labels, weights, OF_ANSWERS)


def _fit_calls(samples: Sequence[Sample], chances: Sequence[Sequence[float]]) -> Logistic:
    rows = [
        call_traits(each.asked, each.traits, chance) for each, chance in zip(samples, chances, strict=True)
    ]
    weights = [each.weight for each in samples]
    return _logistic(rows, [each.answered for each in samples], weights, OF_CALLS)


def _out_of_fold(
    samples: Sequence[Sample], messages: Sequence[LabelledMessage]
) -> list[tuple[float, list[float]]]:
    """Return for each sample the out-of-fold log-odds of its message and of its memories."""
    found: dict[int, tuple[float, list[float]]] = {}
    groups = list(dict.fromkeys(each.group for each in samples))
    for fold in (groups[place::FOLDS] for place in range(min(FOLDS, len(groups)))):
        rest = [each for each in samples if each.group not in fold]
        direction, answers = fit_direction([*map(_message, rest), *messages]), fit_answers(rest)
        for place, each in enumerate(samples):
            if each.group in fold:
                chances = [answers.log_odds(one) for one in each.traits]
                found[place] = message_log_odds(direction, each.vector), chances
    return [found[place] for place in range(len(samples))]


def _logistic(
    rows: Sequence[Traits], labels: Sequence[bool], weights: Sequence[float], ridge: float
) -> Logistic:
    fit = fit_logistic(rows, labels, weights, ridge=ridge)
    coefficients = {name: round(value, 6) for name, value in fit.coefficients.items()}
    return fit.model_copy(update={"intercept": round(fit.intercept, 6), "coefficients": coefficients})
