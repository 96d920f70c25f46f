"""Fitting of a calibration on labelled evidence: logistic regressions at a given rate of false injections.

The coefficient of `young` is not fitted, since it would only reflect how many of a data set's questions to
small archives have an answer. It is set so that small archives have the same rate as others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory.models import Evidence, QueryFacts
from memory.recall.relevance import Calibration, Logistic, vector_features, word_features, young

Describe = Callable[[Evidence, QueryFacts], dict[str, float]]
Matrix = NDArray[np.float64]
VERSION = 1
RIDGE = 1e-3
STEPS = 50
COLD = "young"
FEW, MANY = 3, 10
"""Most turns of an archive in its cold start, and least turns of a grown one, for the intercept's shift."""
EXTREMES = (0.5, 99.5)
"""Percentiles of a feature to which its values are clamped."""


@dataclass(frozen=True, slots=True)
class LabelledQuery:
    """A query against an archive, with its labelled candidates."""

    group: str
    """A corpus at one size of archive; all groups have the same weight."""
    query: QueryFacts
    found: Sequence[tuple[Evidence, bool]]
    """Evidence of each candidate, and whether it answers the query."""
    relevant: bool
    """The archive holds an answer."""


def fit_calibration(
    asked: Sequence[LabelledQuery], *, model: str, data: Mapping[str, str], false_rate: float
) -> Calibration:
    """Fit both models; at a threshold of 0.5, `false_rate` of the irrelevant queries find something."""
    return Calibration(
        version=VERSION,
        embedding_model=model,
        with_vectors=_fit(asked, vector_features, false_rate),
        words_alone=_fit(asked, word_features, false_rate),
        data=data,
    )


class _Features:
    """Features of all candidates as a matrix, with labels and weights."""

    def __init__(self, asked: Sequence[LabelledQuery], describe: Describe) -> None:
        self._describe = describe
        rows, self.labels, groups = [], [], []
        for one in asked:
            for evidence, gold in one.found:
                rows.append(describe(evidence, one.query))
                self.labels.append(gold)
                groups.append((one.group, gold, one.relevant))
        if not rows:
            raise ValueError("no query has a candidate: there is nothing to fit")
        self.names = [name for name in rows[0] if name != COLD]
        self.rows = np.array([[row[name] for name in self.names] for row in rows])
        sizes = {group: groups.count(group) for group in set(groups)}
        self.weights = np.array([(1.0 if group[1] else 0.5) / sizes[group] for group in groups])


def _fit(asked: Sequence[LabelledQuery], describe: Describe, false_rate: float) -> Logistic:
    features = _Features(asked, describe)
    low, high = np.percentile(features.rows, EXTREMES, axis=0)
    bounded = np.clip(features.rows, low, high)
    middle, spread = bounded.mean(axis=0), bounded.std(axis=0) + 1e-9
    coefficients, intercept = regress((bounded - middle) / spread, features.labels, features.weights)
    coefficients = coefficients / spread
    fitted = Logistic(
        intercept=float(intercept - coefficients @ middle),
        coefficients=dict(zip(features.names, coefficients.tolist(), strict=True)),
        limits={name: (float(low[place]), float(high[place])) for place, name in enumerate(features.names)},
    )
    return _shifted(fitted, asked, describe, false_rate)


def regress(
    rows: Matrix, labels: Sequence[bool], weights: Matrix, *, ridge: float = RIDGE
) -> tuple[Matrix, float]:
    """Return coefficients and intercept of a ridge logistic regression, by Newton's method."""
    design = np.column_stack([rows, np.ones(len(rows))])
    truth, beta = np.asarray(labels, np.float64), np.zeros(design.shape[1])
    share = weights / weights.sum()
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        gradient = design.T @ (share * (truth - chance)) - ridge * beta
        curvature = (design * (share * chance * (1 - chance))[:, None]).T @ design
        step = np.linalg.solve(curvature + ridge * np.eye(len(beta)), gradient)
        beta = beta + step
        if np.abs(step).max() < 1e-8:  # noqa: PLR2004 (converged)
            break
    return beta[:-1], float(beta[-1])


def _shifted(
    fitted: Logistic, asked: Sequence[LabelledQuery], describe: Describe, false_rate: float
) -> Logistic:
    """Shift the intercept so that irrelevant queries pass 0.5 at the rate `false_rate`."""
    few = [one for one in asked if one.query.documents <= FEW]
    bar = _bar(fitted, [one for one in asked if one.query.documents >= MANY], describe, false_rate)
    cold = 0.0
    if any(not one.relevant and one.found and not one.query.small_talk for one in few):
        more = _bar(fitted, few, describe, false_rate) - bar
        cold = -more / float(np.mean([young(one.query) for one in few]))
    return fitted.model_copy(
        update={
            "intercept": fitted.intercept - bar,
            "coefficients": {**fitted.coefficients, COLD: cold},
            "limits": {**fitted.limits, COLD: (0.0, 1.0)},
        }
    )


def _bar(fitted: Logistic, asked: Sequence[LabelledQuery], describe: Describe, false_rate: float) -> float:
    best = [
        max(fitted.log_odds(describe(evidence, one.query)) for evidence, _ in one.found)
        for one in asked
        if not one.relevant and one.found and not one.query.small_talk
    ]
    return float(np.quantile(best, 1 - false_rate)) if best else 0.0
