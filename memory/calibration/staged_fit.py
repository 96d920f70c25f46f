"""Fit the two decisions of `memory.recall.staged` on labelled messages, by ridge logistic regression."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from memory.calibration.fit import EXTREMES, regress
from memory.recall.evidence_traits import Asked, Traits, call_traits
from memory.recall.gap_rules import log_odds
from memory.recall.relevance import Logistic
from memory.recall.staged import Direction, Staged

Matrix = NDArray[np.float64]
OF_MESSAGES, OF_ANSWERS, OF_CALLS = 1e-4, 1e-3, 0.05
"""Ridges, found by leaving people out: a vector has many numbers, and messages are few."""
FOLDS = 5
"""Parts of the people: what the last model is fitted on was said by models that had not seen the part."""
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A message against an archive, and what of it answers."""

    group: str
    """The person; parts of one group are never on both sides of a fit."""
    asked: Asked
    traits: Sequence[Traits]
    """Of the memories that were found."""
    gold: Sequence[bool]
    """For each of them, whether it answers; all false when nothing should be shown."""
    vector: NDArray[np.float32]
    calls: bool
    """A message like it calls for memory, whether this archive has an answer or not."""
    weight: float = 1.0

    @property
    def answered(self) -> bool:
        """Whether an answer is among the candidates."""
        return any(self.gold)


@dataclass(frozen=True, slots=True)
class Message:
    """A message by itself, and whether it calls for memory."""

    vector: NDArray[np.float32]
    calls: bool
    weight: float


def fit_staged(
    samples: Sequence[Sample], messages: Sequence[Message], *, model: str, data: Mapping[str, str]
) -> Staged:
    """Fit the three models, the last on what the first say of messages that they were not fitted on."""
    direction = fit_direction([*map(_message, samples), *messages])
    apart = _apart(samples, messages)
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


def with_bar(fit: Staged, operating: float) -> Staged:
    """Return a fit that takes the probability `operating` for an even chance."""
    calls = fit.calls.model_copy(update={"intercept": round(fit.calls.intercept - log_odds(operating), 6)})
    return fit.model_copy(update={"calls": calls})


def with_calls(asked: Asked, calls: float) -> Asked:
    """Return the message with what its vector says."""
    return replace(asked, query=replace(asked.query, calls=round(calls, 6)))


def called(direction: Direction, vector: NDArray[np.float32]) -> float:
    """Return the log-odds that a message calls for memory."""
    return float(vector.astype(np.float64) @ np.asarray(direction.weights)) + direction.intercept


def _message(sample: Sample) -> Message:
    return Message(sample.vector, sample.calls, sample.weight)


def fit_direction(messages: Sequence[Message]) -> Direction:
    """Fit what tells messages that call for memory by their vectors."""
    rows = np.stack([each.vector for each in messages]).astype(np.float64)
    weights = np.array([each.weight for each in messages])
    found, intercept = regress(rows, [each.calls for each in messages], weights, ridge=OF_MESSAGES)
    return Direction(intercept=round(intercept, 6), weights=tuple(np.round(found, 5).tolist()))


def fit_answers(samples: Sequence[Sample]) -> Logistic:
    """Fit which memory answers, if any does."""
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


def _apart(samples: Sequence[Sample], messages: Sequence[Message]) -> list[tuple[float, list[float]]]:
    """Return for each sample what models say that were fitted without its group: of message and memories."""
    found: dict[int, tuple[float, list[float]]] = {}
    groups = list(dict.fromkeys(each.group for each in samples))
    for fold in (groups[place::FOLDS] for place in range(min(FOLDS, len(groups)))):
        rest = [each for each in samples if each.group not in fold]
        direction, answers = fit_direction([*map(_message, rest), *messages]), fit_answers(rest)
        for place, each in enumerate(samples):
            if each.group in fold:
                chances = [answers.log_odds(one) for one in each.traits]
                found[place] = called(direction, each.vector), chances
    return [found[place] for place in range(len(samples))]


def _logistic(
    rows: Sequence[Traits], labels: Sequence[bool], weights: Sequence[float], ridge: float
) -> Logistic:
    names = list(rows[0])
    matrix = np.array([[float(row[name]) for name in names] for row in rows])
    low, high = np.percentile(matrix, EXTREMES, axis=0)
    bounded = np.clip(matrix, low, high)
    middle, spread = bounded.mean(axis=0), bounded.std(axis=0) + 1e-9
    spread[high - low < 1e-9] = np.inf  # a trait that never differs says nothing  # noqa: PLR2004
    found, intercept = regress((bounded - middle) / spread, labels, np.asarray(weights), ridge=ridge)
    found = found / spread
    return Logistic(
        intercept=round(float(intercept - found @ middle), 6),
        coefficients=dict(zip(names, np.round(found, 6).tolist(), strict=True)),
        limits={name: (float(low[n]), float(high[n])) for n, name in enumerate(names)},
    )
