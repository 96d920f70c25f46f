"""What the memories that a turn was shown were worth to it."""

from collections.abc import Collection

COST = 1.0


def utility(shown: Collection[str], relevant: Collection[str], *, cost: float = COST) -> float:
    """Return recall minus `cost` times the share of what is shown that is not relevant.

    From `-cost` (nothing but noise) to 1 (all that is relevant, and nothing else); to show nothing is worth
    0. With a `cost` of 1, a turn that nothing answers loses as much by a memory as one that is answered in
    full wins. A linear utility as in TREC's filtering track (Robertson & Soboroff 2002, measure T11U), with
    hits and false alarms each as a share, so that every turn weighs the same.

    Args:
        shown: ids of the memories that the model was shown.
        relevant: ids of those that answer the message, found or not; empty when nothing does.
        cost: what a turn full of noise costs, in turns answered in full.
    """
    found = set(shown)
    hits = len(found & set(relevant))
    recall = hits / len(set(relevant)) if relevant else 0.0
    noise = (len(found) - hits) / len(found) if found else 0.0
    return recall - cost * noise
