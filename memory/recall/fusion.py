"""Fusion of vector, word and neighbour scores into one score for each episode.

Vectors and words each have their own scale, so that a strong hit of one survives a miss of the other. A
cosine counts by how far it exceeds the query's mean similarity with the archive, words by BM25 times
coverage.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memory.recall.fusion_weights import FusionWeights

Scores = NDArray[np.float64]
SPAN = 2
"""Turns on either side that count as neighbours."""
SECOND = 0.4
"""Weight of the second neighbour, relative to the first."""
SHORT = 400
"""Characters up to which a turn takes its full share of its neighbours' scores; longer turns take less."""


def own_scores(
    cosines: Scores, lexical: Scores, coverage: Scores, *, mean: float, scale: float, weights: FusionWeights
) -> Scores:
    """Return the weighted sum of vector and word scores; an unknown cosine (NaN) adds nothing.

    Args:
        cosines: of each episode's best part with the query.
        lexical: BM25 of each episode.
        coverage: share of the query's words, weighted by rarity, that each episode holds.
        mean: the query's mean similarity with the archive.
        scale: standard deviation of unrelated texts' similarities under this embedding model.
        weights: of each score.
    """
    above = np.fmax(cosines - mean, 0.0) / scale
    return np.asarray(weights.dense * above + weights.lexical * lexical * coverage)


def neighbour_reliance(lengths: NDArray[np.int64]) -> Scores:
    """Return the share, in (0, 1], of their neighbours' scores that turns of these lengths take."""
    return np.asarray(np.minimum(1.0, SHORT / np.maximum(lengths, 1)) ** 2)


def add_neighbours(
    scores: Scores, lengths: NDArray[np.int64], neighbours: Sequence[tuple[int, int, int]], share: float
) -> Scores:
    """Add to each turn a share of its neighbours' scores.

    Args:
        scores: each turn's own.
        lengths: in characters.
        neighbours: `(turn, other, distance)`, indices into `scores`; `distance` in turns, up to `SPAN`.
        share: of the first neighbour's score that a short turn takes.
    """
    lent = scores.copy()
    if neighbours and share:
        turns, others, distances = np.asarray(neighbours, np.int64).T
        parts = (
            share
            * np.where(distances == 1, 1.0, SECOND)
            * neighbour_reliance(lengths)[turns]
            * scores[others]
        )
        np.add.at(lent, turns, parts)
    return lent
