"""A past without the labels of its later half, which are kept for the test."""

from copy import copy
from functools import lru_cache

from bot.lab.labelling.past_turns import halves
from bot.lab.past.labels import Labels
from bot.lab.past.own_past import KEPT, Past


def earlier_half(past: Past) -> Past:
    """Return a copy that has only the labels of the earlier half, as they are now; all turns are in it."""
    choosing, _ = halves([turn for turn in past.past_turns if turn.offered])
    known = {turn.turn_id for turn in choosing}
    said = [label for label in past.labels.all if label.turn_id in known]
    view = copy(past)
    view.labels = Labels(past.layers.labels, past.owner, said)
    view._swept = lru_cache(KEPT)(view._sweep)
    return view
