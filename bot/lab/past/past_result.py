"""Settings chosen on the earlier half of an owner's days, tested on the later one, and written."""

from collections.abc import Mapping
from contextlib import chdir
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from bot.lab.labelling.labelled_turns import (
    GridPoint,
    LabelledHalves,
    figures,
    label_halves,
    search_grid,
    silence,
    tuning_result,
)
from bot.lab.labelling.own_calibration import fit_own_calibration
from bot.lab.notebook.table import Table
from bot.lab.past.own_past import Past
from bot.presentation.tuning_proposal import proposal_table
from graph.tuning import write_back
from memory.recall.relevance import Calibration
from memory.tuning.tuning_result import TuningResult, Value, write_result

_WIDTH = 100


def halves_of(past: Past) -> LabelledHalves:
    """Split the labelled turns: the earlier half to choose on, the later to test on."""
    return label_halves(past.past_turns, past.labels.all)


def best_settings(past: Past) -> GridPoint | None:
    """Return the best point of the grid on the earlier half; None without labels there."""
    return next(iter(search_grid(halves_of(past).choosing, past.in_force)), None)


def own_calibration(past: Past) -> Calibration:
    """Fit a calibration on the earlier half.

    Raises:
        TooFewLabels: says how many turns of which kind are missing.
    """
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
        result: of `result_of`, or of another measurement; None: there is nothing to write.
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
