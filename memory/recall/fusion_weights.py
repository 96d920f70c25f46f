"""Weights of vectors, words and neighbours in a score; see `memory.recall.fusion`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionWeights:
    """Weights of a search score."""

    dense: float = 1.0
    """Per `scale` of similarity above the query's mean."""
    lexical: float = 0.65
    """Per point of BM25, times the share of the query's words that the episode holds."""
    neighbours: float = 0.25
    """Share of a turn's score that the next turn takes."""


BALANCED = FusionWeights()
