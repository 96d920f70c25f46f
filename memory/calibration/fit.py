"""Fitting of a calibration on labelled evidence: logistic regressions at a given rate of false injections.

The coefficient of `young` is not fitted, since it would only reflect how many of a data set's questions to
small archives have an answer. It is set so that small archives have the same rate as others.
"""

from collections import Counter
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


def _fit(asked: Sequence[LabelledQuery], describe: Describe, false_rate: float) -> Logistic:
    rows: list[Mapping[str, float]] = []
    labels: list[bool] = []
    groups: list[tuple[str, bool, bool]] = []
    for one in asked:
        for evidence, gold in one.found:
            rows.append({name: n for name, n in describe(evidence, one.query).items() if name != COLD})
            labels.append(gold)
            groups.append((one.group, gold, one.relevant))
    if not rows:
        raise ValueError("no query has a candidate: there is nothing to fit")
    sizes = Counter(groups)
    weights = [(1.0 if group[1] else 0.5) / sizes[group] for group in groups]
    return _shifted(fit_logistic(rows, labels, weights), asked, describe, false_rate)


def fit_logistic(
    rows: Sequence[Mapping[str, float]],
    labels: Sequence[bool],
    weights: Sequence[float],
    *,
    ridge: float = RIDGE,
) -> Logistic:
    """Fit a model of features by name, each standardised within its limits."""
    matrix = np.array([list(row.values()) for row in rows], float)
    low, high = np.percentile(matrix, EXTREMES, axis=0)
    bounded = np.clip(matrix, low, high)
    middle, spread = bounded.mean(axis=0), bounded.std(axis=0) + 1e-9
    spread[high - low < 1e-9] = np.inf  # a constant feature has no information  # noqa: PLR2004
    coefficients, intercept = regress(
        (bounded - middle) / spread, labels, np.asarray(weights, float), ridge=ridge
    )
    coefficients = coefficients / spread
    return Logistic(
        intercept=float(intercept - coefficients @ middle),
        coefficients=dict(zip(rows[0], coefficients.tolist(), strict=True)),
        limits={name: (float(low[n]), float(high[n])) for n, name in enumerate(rows[0])},
    )


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
