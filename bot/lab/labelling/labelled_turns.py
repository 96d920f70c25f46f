"""Labelled past turns as the tuning takes them: settings are chosen on earlier ones, and tested on later."""

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product

import numpy as np

from bot.lab.labelling.candidates import GRID
from bot.lab.labelling.past_turns import PastTurn, halves
from bot.lab.labelling.session import is_labelled
from bot.lab.labelling.turn_sample import weights
from graph.settings.context import TurnContext
from memory.calibration.fit import LabelledQuery, fit_calibration
from memory.episodic.log.label_log import Label
from memory.errors import GoatError
from memory.models import Evidence
from memory.recall.relevance import Calibration, data_digest
from memory.tuning.held_out import HeldOut
from memory.tuning.resampling import Estimate, resampling
from memory.tuning.tuning_result import Figures, TuningResult, Value
from memory.tuning.turn_score import utility

DATA = "own labels"
RECALL, FALSE = "recall", "false injections per 100 turns"
FALSE_RATES = (0.02, 0.5)
"""Between these the rate of false injections is kept when a calibration takes another's place."""
FLOOR = 0.9
"""Of the recall that the settings in force have: what others may not fall under, however little they err."""
BARS = 40
"""Places where the bar of a calibration of one's own is tried."""
LEAST_OF_EACH = 30
"""Turns that something answers, and turns that nothing does, from which on a calibration can be fitted: ten
for each of its weights (Peduzzi et al. 1996)."""


class TooFewLabels(GoatError):
    """A calibration cannot be fitted on so little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledTurn:
    """A past turn of which every memory that was offered is labelled."""

    turn: PastTurn
    relevant: frozenset[str]
    """Turn ids of the memories that help, among those offered."""
    weight: float = 1.0
    """For how many turns it stands."""

    def shown(self, context: TurnContext, calibration: Calibration | None = None) -> list[str]:
        """Return what would be shown under these settings, of the memories that are labelled.

        Whether another one helps is not known: it counts neither for a setting nor against it.
        """
        known = {candidate.turn_id for candidate in self.turn.offered}
        return [memory for memory in self.turn.shown(context, calibration) if memory in known]

    def utility(self, context: TurnContext, calibration: Calibration | None = None) -> float:
        """Return what the memories shown under these settings are worth."""
        return utility(self.shown(context, calibration), self.relevant)


@dataclass(frozen=True, slots=True)
class Labelled:
    """All that was labelled, parted."""

    choosing: Sequence[LabelledTurn]
    """Of the earlier half."""
    testing: Sequence[LabelledTurn]
    """Of the later half, drawn by lot."""

    @property
    def data(self) -> dict[str, str]:
        """What tells these labels from any other."""
        said = [
            [one.turn.turn_id, candidate.turn_id, candidate.turn_id in one.relevant]
            for one in (*self.choosing, *self.testing)
            for candidate in one.turn.offered
        ]
        return {DATA: data_digest(sorted(said))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """Settings, and what they are worth on the turns that they are chosen by."""

    changes: Mapping[str, Value]
    utility: float
    """Weighted mean over the turns."""


def labelled(turns: Collection[PastTurn], labels: Iterable[Label], threshold: float) -> Labelled:
    """Part the turns that are labelled in full; `threshold` is the one that they were drawn with."""
    said = {(label.turn_id, label.memory): label.relevant for label in labels}
    choosing, testing = halves([turn for turn in turns if turn.offered])
    done = {turn.turn_id for turn in (*choosing, *testing) if is_labelled(turn, said)}
    stands_for = weights(choosing, done, threshold)

    def those(some: Iterable[PastTurn]) -> list[LabelledTurn]:
        return [
            LabelledTurn(turn=turn, relevant=_relevant(turn, said), weight=stands_for.get(turn.turn_id, 1.0))
            for turn in some
            if turn.turn_id in done
        ]

    return Labelled(those(choosing), those(testing))


def tried(
    turns: Sequence[LabelledTurn], base: TurnContext, grid: Mapping[str, Sequence[Value]] = GRID
) -> list[Tried]:
    """Try every combination of the grid, the best one first; of equals, the one with fewer changes.

    Those under the floor of recall, or that show nothing that helps, are left out: silence is never chosen.
    """
    least, found = _least_recall(turns, base), list[Tried]()
    for values in product(*grid.values()):
        changes = dict(zip(grid, values, strict=True))
        context = changed(base, changes)
        if recall(turns, context) >= least:
            found.append(Tried(changes=changes, utility=mean_utility(turns, context)))
    found.sort(key=lambda one: (-round(one.utility, 6), len(_differing(base, one.changes))))
    return found


def _least_recall(turns: Sequence[LabelledTurn], base: TurnContext) -> float:
    """Return the floor of recall; above 0, also where the settings in force recall nothing."""
    return max(FLOOR * recall(turns, base), sys.float_info.min)


def recall(
    turns: Sequence[LabelledTurn], context: TurnContext, calibration: Calibration | None = None
) -> float:
    """Return the mean share of helpful memories that are shown; 0 without turns that need any."""
    return figures(turns, context, calibration).get(RECALL, 0.0)


def silence(turns: Sequence[LabelledTurn]) -> dict[str, float]:
    """Return the figures of showing nothing at all, which every choice has to beat."""
    return dict.fromkeys(_figures([(set(), one.relevant) for one in turns]), 0.0)


def mean_utility(
    turns: Sequence[LabelledTurn], context: TurnContext, calibration: Calibration | None = None
) -> float:
    """Return the weighted mean of the turns' utility; 0 without turns."""
    whole = sum(one.weight for one in turns)
    return sum(one.weight * one.utility(context, calibration) for one in turns) / whole if whole else 0.0


def estimated(
    turns: Sequence[LabelledTurn], context: TurnContext, calibration: Calibration | None = None
) -> Estimate | None:
    """Return the same mean with its interval, which resamples whole days; None without turns."""
    if not turns:
        return None
    values = [one.utility(context, calibration) for one in turns]
    return resampling([one.turn.day for one in turns]).estimate(values, [one.weight for one in turns])


def changed(base: TurnContext, changes: Mapping[str, Value]) -> TurnContext:
    """Return a context with other thresholds, checked."""
    return TurnContext.model_validate({**base.model_dump(), **changes})


def fitted(
    turns: Sequence[LabelledTurn], base: TurnContext, *, model: str, data: Mapping[str, str]
) -> Calibration:
    """Fit a calibration of one's own on labelled turns, all alike whatever they were drawn for.

    Its bar is set over what the whole decision lets through: at the threshold in force it makes as many false
    injections on them as the settings in force, so that what it gains is recall; or more, if it would fall
    under the floor of recall otherwise.

    Raises:
        TooFewLabels: says how many turns of which kind are missing, or that none would keep the floor.
    """
    asked = [_asked(one) for one in turns]
    there = {True: 0, False: 0}
    for one in asked:
        there[one.relevant] += 1
    if missing := {kind: LEAST_OF_EACH - count for kind, count in there.items() if count < LEAST_OF_EACH}:
        raise TooFewLabels(
            "A calibration of your own needs more labels in the earlier half: of turns that a memory helps "
            f"{missing.get(True, 0)} more, and of turns that none does {missing.get(False, 0)} more."
        )
    least, most = FALSE_RATES
    rate = min(max(figures(turns, base)[FALSE] / 100, least), most)
    fit = fit_calibration(asked, model=model, data=data, false_rate=rate)
    return _with_bar(fit, turns, base, 100 * rate)


def _with_bar(
    fit: Calibration, turns: Sequence[LabelledTurn], base: TurnContext, most_false: float
) -> Calibration:
    """Move the bar of a fit to where the whole decision has the most recall for so many false injections.

    Raises:
        TooFewLabels: wherever the bar is, less is recalled than has to be.
    """
    least, bars = _least_recall(turns, base), [_moved(fit, by) for by in np.linspace(-6.0, 6.0, BARS)]
    told = [(bar, figures(turns, base, bar)) for bar in bars]
    enough = [(each[RECALL], -each[FALSE], bar) for bar, each in told if each[RECALL] >= least]
    if not enough:
        raise TooFewLabels(
            "A calibration of your own would show less of what helps than the settings in force, wherever "
            "its bar is: in these labels, what helps looks like what does not. Keep what is there, or "
            "label more."
        )
    strict = [one for one in enough if -one[1] <= most_false]
    if strict:
        return max(strict, key=lambda one: one[:2])[2]
    return max(enough, key=lambda one: (one[1], one[0]))[2]


def _moved(fit: Calibration, by: float) -> Calibration:
    """Return a fit with other intercepts."""
    parts = {"with_vectors": fit.with_vectors, "words_alone": fit.words_alone}
    moved = {
        name: part.model_copy(update={"intercept": round(part.intercept + by, 6)})
        for name, part in parts.items()
    }
    return fit.model_copy(update=moved)


def result(
    labelled: Labelled,
    base: TurnContext,
    changes: Mapping[str, Value],
    *,
    model: str,
    made_at: datetime,
    calibration: Calibration | None = None,
    demonstration: bool = False,
) -> TuningResult | None:
    """Score the turns held out under the settings before and after; None when nothing changes.

    Also None without turns that the settings were chosen on. `demonstration` says that the turns are made up.
    """
    after = changed(base, changes)
    if not labelled.choosing or (calibration is None and not _differing(base, changes)):
        return None
    both = [(one.utility(base), one.utility(after, calibration)) for one in labelled.testing]
    return TuningResult(
        made_at=made_at,
        embedding_model=model,
        data=labelled.data,
        thresholds=_differing(base, changes),
        baseline=base.plain(),
        calibration=calibration,
        chosen_on=frozenset(one.turn.day for one in labelled.choosing),
        held_out=tuple(
            HeldOut(group=one.turn.day, before=before, after=later)
            for one, (before, later) in zip(labelled.testing, both, strict=True)
        ),
        figures=Figures(
            before=figures(labelled.testing, base), after=figures(labelled.testing, after, calibration)
        ),
        demonstration=demonstration,
    )


def figures(
    turns: Sequence[LabelledTurn], context: TurnContext, calibration: Calibration | None = None
) -> dict[str, float]:
    """Return what settings come to, in figures that need no explanation."""
    return _figures([(set(one.shown(context, calibration)), one.relevant) for one in turns])


def _figures(shown: Sequence[tuple[set[str], frozenset[str]]]) -> dict[str, float]:
    recalls = [len(found & relevant) / len(relevant) for found, relevant in shown if relevant]
    false = [bool(found) for found, relevant in shown if not relevant]
    return {
        **({RECALL: sum(recalls) / len(recalls)} if recalls else {}),
        **({FALSE: 100 * sum(false) / len(false)} if false else {}),
        **({"memories a turn": sum(len(found) for found, _ in shown) / len(shown)} if shown else {}),
    }


def _relevant(turn: PastTurn, said: Mapping[tuple[str, str], bool]) -> frozenset[str]:
    return frozenset(c.turn_id for c in turn.offered if said[turn.turn_id, c.turn_id])


def _differing(base: TurnContext, changes: Mapping[str, Value]) -> dict[str, Value]:
    now = base.model_dump(mode="json")
    return {name: value for name, value in changes.items() if now[name] != value}


def _asked(one: LabelledTurn) -> LabelledQuery:
    return LabelledQuery(
        group=DATA,
        query=one.turn.state["recall"].query,
        found=list(_evidence(one)),
        relevant=bool(one.relevant),
    )


def _evidence(one: LabelledTurn) -> Iterator[tuple[Evidence, bool]]:
    for candidate in one.turn.offered:
        yield candidate.evidence, candidate.turn_id in one.relevant
