"""Labelled messages in the form that tuning needs: each rule's scores, and the gain of a change."""

from collections.abc import Callable, Mapping, Sequence

from bot.lab.bench.asked_turns import AskedTurn
from bot.lab.bench.sets.labelled_set import seeded_random
from graph.settings.context import TurnContext
from memory.models import Decision, DecisionRule
from memory.recall.gap_rules import GapRule
from memory.tuning.curves import GRID, LabelledTurn, OperatingPoint, TurnCounts, measure
from memory.tuning.held_out import HeldOut
from memory.tuning.reliability import Judgement
from memory.tuning.resampling import Estimate, resampling

CALIBRATED, NULL, RATIO = "calibrated", "null turns", "ratio"
DEFAULTS: Mapping[str, TurnContext] = {
    CALIBRATED: TurnContext(),
    NULL: TurnContext(gap_rule=GapRule.NULL),
    RATIO: TurnContext(gap_rule=GapRule.RATIO),
}
"""The gap filter's rules by name, each with its default threshold."""
STANDARD: Mapping[str, float] = {
    CALIBRATED: TurnContext().gap_threshold,
    NULL: TurnContext().gap_null_share,
    RATIO: TurnContext().gap_significance,
}
"""Default thresholds of the rules."""
GRIDS: Mapping[str, Sequence[float]] = {
    CALIBRATED: GRID,
    NULL: (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0),
    RATIO: (1, 2, 2.5, 3, 3.5, 4, 5, 6, 8, 10),
}
"""Thresholds to try."""
RULES: Mapping[str, TurnContext] = {
    **DEFAULTS,
    RATIO: TurnContext(gap_rule=GapRule.RATIO, gap_significance=1),
}
"""The rules, with the ratio's lowest threshold, so that every higher one can be tried."""


def labelled_turns(turns: Sequence[AskedTurn], context: TurnContext) -> list[LabelledTurn]:
    """Return each message with a rule's scores, before its threshold."""
    return [
        LabelledTurn(
            group=turn.conversation,
            found=[
                (score, turn_id in turn.gold) for turn_id, score in _scores(turn.decisions(context), context)
            ],
            relevant=len(turn.gold),
        )
        for turn in turns
    ]


def judgements(turns: Sequence[LabelledTurn]) -> list[Judgement]:
    """Return each memory found with its probability."""
    return [
        Judgement(group=turn.group, probability=score, fits=fits)
        for turn in turns
        for score, fits in turn.found
    ]


def held_out(turns: Sequence[AskedTurn], before: TurnContext, after: TurnContext) -> list[HeldOut]:
    """Score each message with the settings before and after."""
    return [
        HeldOut(
            group=turn.conversation,
            before=_counts(turn, before).utility,
            after=_counts(turn, after).utility,
        )
        for turn in turns
    ]


def whole_archives(turns: Sequence[AskedTurn]) -> list[AskedTurn]:
    """Return the messages to whole archives, without those to archives drawn from them."""
    largest = dict[str, int]()
    for turn in turns:
        largest[turn.conversation] = max(turn.size, largest.get(turn.conversation, 0))
    return [turn for turn in turns if turn.size == largest[turn.conversation]]


def points_table(points: Sequence[OperatingPoint]) -> str:
    """Return operating points as a Markdown table."""
    head = ("threshold", "recall of memories", "messages answered", "false in 100 (95 %)", "utility")
    rows = [head, ["---"] * len(head), *map(_row, points)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(point: OperatingPoint) -> list[str]:
    false = point.false_injections
    shares = [f"{found.value:.2f}" if found else "" for found in (point.recall, point.answered)]
    told = f"{false.value:.1f}" if false else ""
    if false and false.bounded:
        told += f" ({false.low:.1f} to {false.high:.1f})"
    return [f"{point.threshold:.2f}", *shares, told, f"{point.utility.value:+.3f}"]


def figures(turns: Sequence[AskedTurn], context: TurnContext) -> dict[str, float]:
    """Return the figures of the settings for a tuning result, without those that nothing was measured for."""
    if not turns:
        return {}
    point = measure([_counts(turn, context) for turn in turns])
    found = {
        "recall of memories": point.recall,
        "messages answered": point.answered,
        "false injections in 100": point.false_injections,
    }
    return {name: round(estimate.value, 4) for name, estimate in found.items() if estimate is not None}


def _counts(turn: AskedTurn, context: TurnContext) -> TurnCounts:
    shown = turn.shown(context)
    hits = len(turn.gold.intersection(shown))
    return TurnCounts(group=turn.conversation, hits=hits, shown=len(shown), relevant=len(turn.gold))


def halves(turns: Sequence[AskedTurn]) -> tuple[list[AskedTurn], list[AskedTurn]]:
    """Split messages by conversation, half of each set's to choose settings on and half to test on."""
    chosen = set[str]()
    for name in dict.fromkeys(turn.set for turn in turns):
        conversations = list(dict.fromkeys(turn.conversation for turn in turns if turn.set == name))
        chosen |= set(seeded_random(f"halves {name}").sample(conversations, len(conversations) // 2))
    return (
        [turn for turn in turns if turn.conversation in chosen],
        [turn for turn in turns if turn.conversation not in chosen],
    )


def estimates(
    turns: Sequence[AskedTurn], context: TurnContext, by: Callable[[AskedTurn], str | None]
) -> dict[str, tuple[Estimate | None, Estimate | None]]:
    """Return, by group, the shares of relevant and of irrelevant messages with something shown.

    `by` names the group of a message, or None to leave it out.
    """
    shown = [(turn, float(bool(turn.shown(context)))) for turn in turns]
    names = sorted({name for turn in turns if (name := by(turn)) is not None})
    return {
        name: (
            _share([(turn, value) for turn, value in shown if by(turn) == name and turn.relevant]),
            _share([(turn, value) for turn, value in shown if by(turn) == name and not turn.relevant]),
        )
        for name in names
    }


def _share(shown: Sequence[tuple[AskedTurn, float]]) -> Estimate | None:
    if not shown:
        return None
    return resampling([turn.conversation for turn, _ in shown]).estimate([value for _, value in shown])


def _scores(decisions: Sequence[Decision], context: TurnContext) -> list[tuple[str, float]]:
    """Return the value that the rule compares with its threshold, for each memory that it might keep."""
    if context.gap_rule is not GapRule.RATIO:
        return [(decision.turn_id, decision.probability) for decision in decisions]
    few = float("inf")  # too few candidates for a ratio: kept by distance, at any threshold
    return [
        (decision.turn_id, decision.score if decision.rule == DecisionRule.RATIO else few)
        for decision in decisions
        if decision.kept
    ]
