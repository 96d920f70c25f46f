"""One score from what vectors, words and neighbours say of an episode.

Vectors and words each count on their own scale, so that a strong hit of one is not drowned by the silence of
the other: a cosine counts by how far it lies above what the query has in common with the archive in general,
words by their BM25 weight, which grows with their rarity, and by how much of the query they cover.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memory.recall.fusion_weights import FusionWeights

Scores = NDArray[np.float64]
SPAN = 2
"""How many turns on either side are neighbours."""
SECOND = 0.4
"""What the turn after the next counts, where the next one counts 1."""
SHORT = 400
"""Characters up to which a turn leans on its neighbours in full; a longer one stands by itself the more."""


def own_scores(
    cosines: Scores, lexical: Scores, coverage: Scores, *, mean: float, scale: float, weights: FusionWeights
) -> Scores:
    """Add up what vectors and words say; a cosine that is not known (NaN) says nothing.

    Args:
        cosines: of each episode's best part with the query.
        lexical: BM25 of each episode.
        coverage: the share of the query's words, weighted by rarity, that each episode holds.
        mean: the query's mean similarity with the archive.
        scale: how far similarities of unrelated texts scatter under this embedding model.
        weights: what each counts.
    """
    above = np.maximum(np.nan_to_num(cosines, nan=mean) - mean, 0.0) / scale
    return np.asarray(weights.dense * above + weights.lexical * lexical * coverage)


def leaning(lengths: NDArray[np.int64]) -> Scores:
    """Return how much turns of so many characters lean on their neighbours, in (0, 1]."""
    return np.asarray(np.minimum(1.0, SHORT / np.maximum(lengths, 1)) ** 2)


def lend(
    scores: Scores, lengths: NDArray[np.int64], neighbours: Sequence[tuple[int, int, int]], share: float
) -> Scores:
    """Let each turn have a share of its neighbours' scores.

    Args:
        scores: each turn's own.
        lengths: in characters.
        neighbours: `(turn, other, distance)`, indices into `scores`; `distance` in turns, up to `SPAN`.
        share: what the next turn lends a short one.
    """
    lent = scores.copy()
    if neighbours and share:
        turns, others, distances = np.asarray(neighbours, np.int64).T
        parts = share * np.where(distances == 1, 1.0, SECOND) * leaning(lengths)[turns] * scores[others]
        np.add.at(lent, turns, parts)
    return lent
