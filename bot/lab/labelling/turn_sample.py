"""The past turns to label, their order, and their weights.

The later half is for testing, and drawn at random: every turn counts the same, and the estimate is unbiased.
In the earlier half, turns whose best memory is near the threshold teach most, so they are drawn more often
and count less: each labelled turn represents its share of its stratum (stratified sampling, Cochran 1977,
chapter 5).
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain, zip_longest

from bot.lab.labelling.past_turns import PastTurn, halves

NEAR = 1.5
"""Distance from the threshold in log-odds within which a turn teaches most."""
_LEAST = 1e-6


def draw_sample(turns: Collection[PastTurn], threshold: float) -> list[PastTurn]:
    """Return the turns with memories to label, in the order of the session.

    They alternate between the half to test on and the half to choose on; in the latter, two turns near the
    threshold come for one other.
    """
    asked = [turn for turn in turns if turn.offered]
    choosing, testing = halves(asked)
    near, far = (_by_lot(some) for some in _strata(choosing, threshold))
    return _alternate(_by_lot(testing), _alternate(near[::2], near[1::2], far))


def weights(
    choosing: Collection[PastTurn], labelled: Collection[str], threshold: float
) -> Mapping[str, float]:
    """Return how many turns each labelled turn of the half to choose on represents, by turn id."""
    found = dict[str, float]()
    for stratum in _strata([turn for turn in choosing if turn.offered], threshold):
        some = [turn.turn_id for turn in stratum if turn.turn_id in labelled]
        found |= {turn_id: len(stratum) / len(some) for turn_id in some}
    return found


def distance(turn: PastTurn, threshold: float) -> float:
    """Return the distance of a turn's best memory from the threshold, in log-odds."""
    return abs(_log_odds(max(turn.chances, default=0.0)) - _log_odds(threshold))


def _strata(turns: Collection[PastTurn], threshold: float) -> tuple[list[PastTurn], list[PastTurn]]:
    """Return the turns near the threshold, and the others."""
    near = [turn for turn in turns if distance(turn, threshold) <= NEAR]
    far = [turn for turn in turns if distance(turn, threshold) > NEAR]
    return near, far


def _by_lot(turns: Collection[PastTurn]) -> list[PastTurn]:
    return sorted(turns, key=lambda turn: turn.lot)


def _alternate(*sequences: Sequence[PastTurn]) -> list[PastTurn]:
    """Interleave the sequences; the longer ones continue when others end."""
    rounds: Iterator[tuple[PastTurn | None, ...]] = zip_longest(*sequences)
    return [turn for turn in chain.from_iterable(rounds) if turn is not None]


def _log_odds(chance: float) -> float:
    bounded = min(max(chance, _LEAST), 1 - _LEAST)
    return math.log(bounded / (1 - bounded))
