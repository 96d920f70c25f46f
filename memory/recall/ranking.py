"""The order in which relevant memories stand: by relevance; age and access break ties.

Of two memories about the same matter the newer one stands first, since it may correct the other.

`blend` is the order of GOAT's first version, kept by name. It lets the new beat the relevant: measured on
conversations, an irrelevant memory of today outranks a relevant one of last month.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from memory.models import Candidate
from memory.recall.duplicates import same_matter, words_of

_SECONDS_A_DAY = 86_400
_BLEND_WEIGHTS = (0.6, 0.3, 0.1)
"""Of similarity, recency and access."""


class RankRule(StrEnum):
    """How candidates are put in order."""

    RELEVANCE = "relevance"
    BLEND = "blend"


def recency(at: datetime, now: datetime, *, window_days: float) -> float:
    """Return 1 for now, falling linearly to 0 for what is `window_days` old or older."""
    age_days = max((now - at).total_seconds(), 0.0) / _SECONDS_A_DAY
    return max(0.0, 1.0 - age_days / window_days)


def access(count: int, *, reference: int) -> float:
    """Return the share of `reference` accesses that an episode has had, at most 1."""
    return min(count / reference, 1.0)


def blended(candidate: Candidate, now: datetime, *, window_days: float, reference: int) -> float:
    """Return the weighted sum of similarity, recency and access."""
    parts = (
        candidate.evidence.cosine or 0.0,
        recency(candidate.at, now, window_days=window_days),
        access(candidate.access_count, reference=reference),
    )
    return sum(weight * part for weight, part in zip(_BLEND_WEIGHTS, parts, strict=True))


def by_relevance(candidates: Sequence[Candidate], *, tie: float) -> list[Candidate]:
    """Return `candidates`, best first; of equals, and of those about one matter, the newer stands first.

    Args:
        candidates: the relevant ones.
        tie: scores are compared in steps of this size; within a step they are taken as equal.
    """
    ranked = sorted(candidates, key=lambda c: (round(c.score / tie), c.at, c.access_count), reverse=True)
    words = {c.turn_id: words_of(f"{c.said} {c.reply}") for c in ranked}
    left = dict.fromkeys(range(len(ranked)))
    standing: list[Candidate] = []

    def stand(place: int) -> None:
        """Let those come first that may correct this one."""
        del left[place]
        for other in list(left):
            if other in left and _may_correct(ranked[other], ranked[place], words):
                stand(other)
        standing.append(ranked[place])

    while left:
        stand(next(iter(left)))
    return standing


def _may_correct(newer: Candidate, older: Candidate, words: Mapping[str, frozenset[str]]) -> bool:
    return newer.at > older.at and same_matter(words[newer.turn_id], words[older.turn_id])


def by_blend(
    candidates: Sequence[Candidate], *, now: datetime, window_days: float, reference: int
) -> list[Candidate]:
    """Return `candidates` by similarity, recency and access added up."""
    return sorted(
        candidates,
        key=lambda c: blended(c, now, window_days=window_days, reference=reference),
        reverse=True,
    )
