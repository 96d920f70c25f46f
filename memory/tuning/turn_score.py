"""The score of a turn by the memories that it showed."""

from collections.abc import Collection

COST = 1.0


def utility(shown: Collection[str], relevant: Collection[str], *, cost: float = COST) -> float:
    """Return recall minus `cost` times the share of shown memories that are not relevant.

    From `-cost` (only noise) to 1 (all that is relevant, and nothing else); showing nothing scores 0. With a
    `cost` of 1, a wrong memory costs a turn without an answer as much as a full answer gains another turn. A
    linear utility as in TREC's filtering track (Robertson & Soboroff 2002, measure T11U), with hits and false
    alarms as shares, so that every turn has the same weight.

    Args:
        shown: ids of the memories that the model was shown.
        relevant: ids of those that answer the message, found or not; empty when nothing does.
        cost: of a turn with only noise, in fully answered turns.
    """
    found = set(shown)
    hits = len(found & set(relevant))
    recall = hits / len(set(relevant)) if relevant else 0.0
    noise = (len(found) - hits) / len(found) if found else 0.0
    return recall - cost * noise
