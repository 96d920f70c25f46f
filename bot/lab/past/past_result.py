"""Settings chosen on the earlier half of an owner's days, tested on the later one, and written."""

from collections.abc import Mapping, Sequence
from contextlib import chdir
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rich.console import Console

from bot.lab.past.labelled_turns import (
    DATA,
    FALSE,
    RECALL,
    LabelledHalves,
    figures,
    label_halves,
    least_recall,
    search_grid,
    silence,
    tuning_result,
)
from bot.lab.past.labels import LabelledPastTurn
from bot.lab.past.own_past import Past
from bot.lab.widgets import Table
from bot.presentation.command_output import proposal_table
from graph.settings.context import TurnContext
from graph.tuning import write_back
from memory.calibration.fit import LabelledQuery, fit_calibration
from memory.errors import GoatError
from memory.recall.relevance import Calibration
from memory.tuning.tuning_result import TuningResult, Value, write_result

FALSE_RATES = (0.02, 0.5)
"""Lowest and highest rate of false injections that a fit may have to keep within."""
BARS = 40
"""Number of shifts of the intercepts that are tried."""
LEAST_OF_EACH = 30
"""Minimum number of turns that a memory answers, and of turns that none does, to fit on: ten for each weight
(Peduzzi et al. 1996).
"""


class TooFewLabels(GoatError):
    """There are too few labels to fit a calibration."""


def fit_own_calibration(
    turns: Sequence[LabelledPastTurn], base: TurnContext, *, model: str, data: Mapping[str, str]
) -> Calibration:
    """Fit a calibration on labelled turns.

    Its intercepts are shifted to the highest recall with no more false injections than the settings in force,
    within `FALSE_RATES`. If that is below the minimum recall, they are shifted to the fewest false injections
    that reach it.

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
    fit: Calibration, turns: Sequence[LabelledPastTurn], base: TurnContext, most_false: float
) -> Calibration:
    """Shift a fit's intercepts; see `fit_own_calibration`.

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
    moved = [
        part.model_copy(update={"intercept": round(part.intercept + by, 6)})
        for part in (fit.with_vectors, fit.words_alone)
    ]
    return fit.model_copy(update={"with_vectors": moved[0], "words_alone": moved[1]})


def _fit_input(one: LabelledPastTurn) -> LabelledQuery:
    found = [(candidate.evidence, candidate.turn_id in one.relevant) for candidate in one.turn.offered]
    return LabelledQuery(DATA, one.turn.state["recall"].query, found, relevant=bool(one.relevant))


_WIDTH = 100


def halves_of(past: Past) -> LabelledHalves:
    """Split the labelled turns: the earlier half to choose on, the later to test on."""
    return label_halves(past.past_turns, past.labels)


def best_settings(past: Past) -> Mapping[str, Value] | None:
    """Return the best point of the grid on the earlier half; None without labels there."""
    return next(iter(search_grid(halves_of(past).choosing, past.in_force)), None)


def own_calibration(past: Past) -> Calibration:
    """Fit a calibration on the earlier half, as `fit_own_calibration` does."""
    parts, model = halves_of(past), past.layers.embeddings.name
    return fit_own_calibration(parts.choosing, past.in_force, model=model, data=parts.data)


def held_out_table(
    past: Past, settings: Mapping[str, Mapping[str, Value]], calibration: Calibration | None = None
) -> Table:
    """Return the figures on the later half of named settings, with showing nothing and those in force."""
    testing = halves_of(past).testing
    columns = {"show nothing": silence(testing), "in force": figures(testing, past.in_force)}
    columns |= {name: figures(testing, past.with_thresholds(changes)) for name, changes in settings.items()}
    if calibration is not None:
        columns["own calibration"] = figures(testing, past.in_force, calibration)
    names = dict.fromkeys(name for values in columns.values() for name in values)
    rows = [(name, *(values.get(name) for values in columns.values())) for name in names]
    return Table(("on the later half", *columns), rows)


def result_of(
    past: Past, changes: Mapping[str, Value], calibration: Calibration | None = None
) -> TuningResult | None:
    """Score the later half before and after a change; None when nothing changes.

    Raises:
        ConfigError: a threshold is unknown, or needs another search; see `Past.decide`.
    """
    past.with_thresholds(changes)
    return tuning_result(
        halves_of(past),
        past.in_force,
        changes,
        model=past.layers.embeddings.name,
        made_at=datetime.now(UTC),
        calibration=calibration,
        demonstration=past.is_demonstration,
    )


def propose(result: TuningResult | None, *, folder: Path | str = ".", save: Path | None = None) -> list[str]:
    """Print what a result changes and gains, and return the reasons not to write it.

    Args:
        result: what `result_of` or another measurement returned; None if there is nothing to write.
        folder: where goat.toml is.
        save: a file to keep the result in, for `goat tune apply`.
    """
    if result is None:
        return [
            "There is nothing to write: these are the settings in force, or no turn of the earlier half of "
            "your days has all its labels."
        ]
    if save is not None:
        save.parent.mkdir(parents=True, exist_ok=True)
        write_result(result, save)
    with chdir(folder):
        proposal = write_back.propose(result)
    Console(width=_WIDTH).print(proposal_table(proposal))
    return list(proposal.refusals)


def apply(result: TuningResult, *, folder: Path | str = ".") -> None:
    """Write a result to goat.toml; a running agent uses it from its next turn on.

    Raises:
        NotWritten: the held-out turns do not prove it better, or it does not fit the configuration.
    """
    with chdir(folder):
        write_back.apply(result)


def rollback(*, folder: Path | str = ".") -> None:
    """Exchange goat.toml with its backup from before the last change.

    Raises:
        NotWritten: the file was edited by hand since.
    """
    with chdir(folder):
        write_back.rollback()
