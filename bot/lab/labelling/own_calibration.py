"""A calibration fitted on a person's own labelled turns."""

from collections.abc import Mapping, Sequence

import numpy as np

from bot.lab.labelling.labelled_turns import DATA, FALSE, RECALL, LabelledTurn, figures, least_recall
from graph.settings.context import TurnContext
from memory.calibration.fit import LabelledQuery, fit_calibration
from memory.errors import GoatError
from memory.recall.relevance import Calibration

FALSE_RATES = (0.02, 0.5)
"""Limits of the rate of false injections that a fit keeps."""
BARS = 40
"""Number of shifts of the intercepts that are tried."""
LEAST_OF_EACH = 30
"""Minimum number of turns that a memory answers, and of turns that none does, to fit on: ten for each weight
(Peduzzi et al. 1996).
"""


class TooFewLabels(GoatError):
    """There are too few labels to fit a calibration."""


def fit_own_calibration(
    turns: Sequence[LabelledTurn], base: TurnContext, *, model: str, data: Mapping[str, str]
) -> Calibration:
    """Fit a calibration on labelled turns.

    Its intercepts are shifted so that, at the threshold in force, the whole decision makes as many false
    injections as the settings in force and recalls more; or more of them, where recall would otherwise fall
    below the minimum.

    Raises:
        TooFewLabels: says how many turns of which kind are missing, or that no shift keeps the minimum
            recall.
    """
    asked = [_fit_input(one) for one in turns]
    helped = sum(one.relevant for one in asked)
    more, more_empty = (max(LEAST_OF_EACH - count, 0) for count in (helped, len(asked) - helped))
    if more or more_empty:
        raise TooFewLabels(
            "A calibration of your own needs more labels in the earlier half: of turns that a memory helps "
            f"{more} more, and of turns that none does {more_empty} more."
        )
    least, most = FALSE_RATES
    rate = min(max(figures(turns, base)[FALSE] / 100, least), most)
    fit = fit_calibration(asked, model=model, data=data, false_rate=rate)
    return _with_bar(fit, turns, base, 100 * rate)


def _with_bar(
    fit: Calibration, turns: Sequence[LabelledTurn], base: TurnContext, most_false: float
) -> Calibration:
    """Shift a fit's intercepts to the highest recall within a rate of false injections.

    Raises:
        TooFewLabels: recall is below the minimum with every shift.
    """
    least, bars = least_recall(turns, base), [_shift_bar(fit, by) for by in np.linspace(-6.0, 6.0, BARS)]
    measured = [(bar, figures(turns, base, bar)) for bar in bars]
    enough = [(each[RECALL], -each[FALSE], bar) for bar, each in measured if each[RECALL] >= least]
    if not enough:
        raise TooFewLabels(
            "A calibration of your own would show fewer helpful memories than the settings in force, "
            "wherever its threshold is: in these labels, helpful memories look like the others. Keep the "
            "settings, or label more."
        )
    strict = [one for one in enough if -one[1] <= most_false]
    if strict:
        return max(strict, key=lambda one: one[:2])[2]
    return max(enough, key=lambda one: (one[1], one[0]))[2]


def _shift_bar(fit: Calibration, by: float) -> Calibration:
    """Return a fit with shifted intercepts."""
    moved = [
        part.model_copy(update={"intercept": round(part.intercept + by, 6)})
        for part in (fit.with_vectors, fit.words_alone)
    ]
    return fit.model_copy(update={"with_vectors": moved[0], "words_alone": moved[1]})


def _fit_input(one: LabelledTurn) -> LabelledQuery:
    found = [(candidate.evidence, candidate.turn_id in one.relevant) for candidate in one.turn.offered]
    return LabelledQuery(DATA, one.turn.state["recall"].query, found, relevant=bool(one.relevant))
