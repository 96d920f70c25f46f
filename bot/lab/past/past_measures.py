"""Measures on an owner's labelled turns: sweeps, groups, reliability, and a comparison of two settings."""

from collections.abc import Mapping

from bot.lab.past.decided_past import DecidedTurn
from bot.lab.past.message_groups import GROUPS
from bot.lab.past.own_past import Past
from memory.errors import ConfigError
from memory.tuning.curves import LabelledTurn, OperatingPoint, TurnCounts, baseline_points, measure
from memory.tuning.reliability import Reliability, reliability
from memory.tuning.resampling import PairedTest, paired_test
from memory.tuning.tuning_result import Value


def baselines(past: Past) -> dict[str, OperatingPoint]:
    """Return the metrics of showing nothing and of always showing the best; empty without labels."""
    turns = [_scored(past, one) for one in past.decide().turns if past.labels.done(one.turn)]
    return baseline_points(turns)


def by_group(past: Past, by: str, **thresholds: Value) -> dict[str, OperatingPoint]:
    """Return the metrics of groups of labelled turns: by "language", "kind" or "archive" (its size).

    Raises:
        ConfigError: there is no such grouping.
    """
    if by not in GROUPS:
        raise ConfigError(f"Unknown grouping {by!r}. Known: {', '.join(GROUPS)}.")
    context, groups = past.with_thresholds(thresholds), dict[str, list[TurnCounts]]()
    for turn in past.labelled:
        groups.setdefault(str(GROUPS[by](turn)), []).append(past.counts(turn, context))
    return {name: measure(groups[name]) for name in sorted(groups)}


def reliability_of(past: Past, **thresholds: Value) -> Reliability | None:
    """Compare the probabilities of the labelled turns' memories with their labels; None without any."""
    found = [
        judged
        for one in past.decide(**thresholds).turns
        if past.labels.done(one.turn)
        for judged in past.labels.judgements(
            one.turn, {turn_id: decision.probability for turn_id, decision in one.decisions.items()}
        )
    ]
    return reliability(found)


def compare(
    past: Past, before: Mapping[str, Value], after: Mapping[str, Value] | None = None
) -> PairedTest | None:
    """Compare two settings on the labelled turns by a turn's utility; None without labelled turns.

    With `before` alone, those in force are compared with it.
    """
    one, other = ({}, before) if after is None else (before, after)
    turns = past.labelled
    values = [
        [past.counts(turn, past.with_thresholds(changes)).utility for turn in turns]
        for changes in (one, other)
    ]
    return paired_test(values[0], values[1], [turn.day for turn in turns])


def _scored(past: Past, one: DecidedTurn) -> LabelledTurn:
    judged = past.labels.judgements(
        one.turn, {turn_id: decision.probability for turn_id, decision in one.decisions.items()}
    )
    return LabelledTurn(
        group=one.turn.day,
        found=[(judgement.probability, judgement.fits) for judgement in judged],
        relevant=sum(judgement.fits for judgement in judged),
    )
