"""Which past turns are labelled, in which order, and what each then stands for.

The later half is tested on, and drawn by lot alone: every turn counts the same, and the estimate has no bias.
In the earlier half, turns whose best memory lies near the threshold teach most. They are asked for more often
and count for less: each labelled turn stands for its share of its stratum (stratified sampling, Cochran 1977,
chapter 5).
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain, zip_longest

from bot.lab.labelling.past_turns import PastTurn, halves

NEAR = 1.5
"""Log-odds from the threshold within which a turn teaches most."""
_LEAST = 1e-6


def drawn(turns: Collection[PastTurn], threshold: float) -> list[PastTurn]:
    """Return the turns that there is something to label on, in the order in which they are asked for.

    Alternately of the half to test on and of the half to choose by; of the latter, two near the threshold
    and one of the others.
    """
    asked = [turn for turn in turns if turn.offered]
    choosing, testing = halves(asked)
    near, far = (_by_lot(some) for some in _strata(choosing, threshold))
    return _alternate(_by_lot(testing), _alternate(near[::2], near[1::2], far))


def weights(
    choosing: Collection[PastTurn], labelled: Collection[str], threshold: float
) -> Mapping[str, float]:
    """Return for each labelled turn of the half to choose by how many turns it stands for, by turn id."""
    found = dict[str, float]()
    for stratum in _strata([turn for turn in choosing if turn.offered], threshold):
        some = [turn.turn_id for turn in stratum if turn.turn_id in labelled]
        found |= {turn_id: len(stratum) / len(some) for turn_id in some}
    return found


def distance(turn: PastTurn, threshold: float) -> float:
    """Return how far a turn's best memory lies from the threshold, in log-odds."""
    return abs(_log_odds(max(turn.chances, default=0.0)) - _log_odds(threshold))


def _strata(turns: Collection[PastTurn], threshold: float) -> tuple[list[PastTurn], list[PastTurn]]:
    """Return the turns near the threshold, and the others."""
    near = [turn for turn in turns if distance(turn, threshold) <= NEAR]
    far = [turn for turn in turns if distance(turn, threshold) > NEAR]
    return near, far


def _by_lot(turns: Collection[PastTurn]) -> list[PastTurn]:
    return sorted(turns, key=lambda turn: turn.lot)


def _alternate(*sequences: Sequence[PastTurn]) -> list[PastTurn]:
    """Take one of each in turn, as long as there are any."""
    rounds: Iterator[tuple[PastTurn | None, ...]] = zip_longest(*sequences)
    return [turn for turn in chain.from_iterable(rounds) if turn is not None]


def _log_odds(chance: float) -> float:
    bounded = min(max(chance, _LEAST), 1 - _LEAST)
    return math.log(bounded / (1 - bounded))
