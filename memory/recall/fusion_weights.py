"""What vectors, words and neighbours count in a score; see `memory.recall.fusion`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionWeights:
    """What each voice counts."""

    dense: float = 1.0
    """For each `scale` of similarity above the query's mean."""
    lexical: float = 0.65
    """For each point of BM25, when the episode holds all words of the query; less in proportion."""
    neighbours: float = 0.25
    """The share of its score that a turn lends the next one."""


BALANCED = FusionWeights()
