"""The order in which relevant memories stand: by relevance; age and access break ties.

`blend` is the order of GOAT's first version, kept by name. It lets the new beat the relevant: measured on
conversations, an irrelevant memory of today outranks a relevant one of last month.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from memory.models import Candidate

_SECONDS_A_DAY = 86_400
_TIE = 0.01
"""Similarities are compared in steps of this size; within a step they are taken as equal."""
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
        candidate.score,
        recency(candidate.at, now, window_days=window_days),
        access(candidate.access_count, reference=reference),
    )
    return sum(weight * part for weight, part in zip(_BLEND_WEIGHTS, parts, strict=True))


def ordered(
    candidates: Sequence[Candidate], *, rule: RankRule, now: datetime, window_days: float, reference: int
) -> list[Candidate]:
    """Return `candidates`, best first."""
    if rule is RankRule.BLEND:
        return sorted(
            candidates,
            key=lambda c: blended(c, now, window_days=window_days, reference=reference),
            reverse=True,
        )
    return sorted(candidates, key=lambda c: (round(c.score / _TIE), c.at, c.access_count), reverse=True)
