"""The order of relevant memories: by relevance, with ties broken by age and access count.

Of two memories on the same subject the newer one goes first, since it may correct the other.

`blend` is the order of GOAT's first version. Measured on conversations, it ranks an irrelevant memory of
today above a relevant one of last month.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from memory.models import Candidate
from memory.recall.statements import same_subject, words_of

_SECONDS_A_DAY = 86_400
_BLEND_WEIGHTS = (0.6, 0.3, 0.1)
"""For similarity, recency and access."""


class RankRule(StrEnum):
    """Names of the orders."""

    RELEVANCE = "relevance"
    BLEND = "blend"


def recency_score(at: datetime, now: datetime, *, window_days: float) -> float:
    """Return 1 for `now`, falling linearly to 0 at `window_days` before it."""
    age_days = max((now - at).total_seconds(), 0.0) / _SECONDS_A_DAY
    return max(0.0, 1.0 - age_days / window_days)


def blend_score(candidate: Candidate, now: datetime, *, window_days: float, reference: int) -> float:
    """Return the weighted sum of similarity, recency and access."""
    parts = (
        candidate.evidence.cosine or 0.0,
        recency_score(candidate.at, now, window_days=window_days),
        min(candidate.access_count / reference, 1.0),
    )
    return sum(weight * part for weight, part in zip(_BLEND_WEIGHTS, parts, strict=True))


def by_relevance(candidates: Sequence[Candidate], *, tie: float) -> list[Candidate]:
    """Return `candidates`, best first; among ties and on the same subject, newest first.

    Args:
        candidates: the relevant ones.
        tie: step size in which scores are compared; within a step they are equal.
    """
    ranked = sorted(candidates, key=lambda c: (round(c.score / tie), c.at, c.access_count), reverse=True)
    words = {c.turn_id: words_of(f"{c.said} {c.reply}") for c in ranked}
    left = dict.fromkeys(range(len(ranked)))
    standing: list[Candidate] = []

    def stand(place: int) -> None:
        """Append a candidate, after those that may correct it."""
        del left[place]
        for other in list(left):
            if other in left and _may_correct(ranked[other], ranked[place], words):
                stand(other)
        standing.append(ranked[place])

    while left:
        stand(next(iter(left)))
    return standing


def _may_correct(newer: Candidate, older: Candidate, words: Mapping[str, frozenset[str]]) -> bool:
    return newer.at > older.at and same_subject(words[newer.turn_id], words[older.turn_id])


def by_blend(
    candidates: Sequence[Candidate], *, now: datetime, window_days: float, reference: int
) -> list[Candidate]:
    """Return `candidates` by the weighted sum of similarity, recency and access."""
    return sorted(
        candidates,
        key=lambda c: blend_score(c, now, window_days=window_days, reference=reference),
        reverse=True,
    )
