"""Picture values of a turn."""

from collections.abc import Callable, Sequence
from datetime import datetime

from bot.pictures.picture_values import Mark, Room, ScoreRow, Scores, Share, Words
from graph.explain.explanation import ExplainedMemory, Explanation, explain_decision
from memory.models import Decision, DecisionRule
from memory.observation.observation import Shares

BY_PROBABILITY = (
    DecisionRule.CALL,
    DecisionRule.NO_CALL,
    DecisionRule.WEAKER,
    DecisionRule.FURTHER,
    DecisionRule.CALIBRATED,
    DecisionRule.BREAK,
)
"""Rules that compare a probability with a threshold."""


def picture_of(
    explanation: Explanation,
    date: Callable[[datetime], str],
    *,
    words: Words | None = None,
    rule: Callable[[Decision], str] = explain_decision,
    snippet: Callable[[str], str] | None = None,
) -> tuple[Scores, Room]:
    """Return what was found for a turn and how its prompt was shared.

    `date` and `rule` format a memory's time and decision; `snippet` shortens its text, which is otherwise
    omitted.
    """
    rows, named = explanation.memories, words or Words()
    mark = mark_of(rows, named)
    shown = [score_row(one, mark, date, rule, snippet) for one in rows]
    return Scores(shown, mark), room_of(explanation.shares, named)


def mark_of(rows: Sequence[ExplainedMemory], words: Words) -> Mark | None:
    """Return the probability threshold; None if the rule does not compare probabilities."""
    decisions = [row.decision for row in rows if row.decision.rule in BY_PROBABILITY]
    value = next((decision.threshold for decision in decisions if 0 <= decision.threshold <= 1), None)
    if value is None:
        return None
    is_broken = any(decision.rule == DecisionRule.BREAK for decision in decisions)
    return Mark(value, words.breaks if is_broken else words.threshold)


def room_of(spent: Shares, words: Words) -> Room:
    shares = (
        Share(words.fixed, spent.fixed),
        Share(words.conversation, spent.l2_used, spent.l2_limit),
        Share(words.memory, spent.l3_used, spent.l3_limit),
    )
    return Room(shares, spent.total)


def score_row(
    row: ExplainedMemory,
    mark: Mark | None,
    date: Callable[[datetime], str],
    rule: Callable[[Decision], str] = explain_decision,
    snippet: Callable[[str], str] | None = None,
) -> ScoreRow:
    """Return the row of a memory; the rule is omitted if the threshold mark already shows it."""
    decision = row.decision
    is_seen = mark is not None and decision.rule == DecisionRule.CALIBRATED
    return ScoreRow(
        number=row.number,
        date=date(row.at) if row.at else "",
        probability=decision.probability,
        kept=decision.kept,
        rule="" if is_seen else rule(decision),
        snippet=snippet(row.text) if snippet else "",
    )
