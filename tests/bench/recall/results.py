"""The figures of a race, as they are committed."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bot.lab.bench.outcome import MEASURES, QueryOutcome, summarise
from bot.lab.bench.race import OURS, Race, false_injections, mean_measure
from memory.tuning.resampling import Estimate

DIGITS = 4
CURVES = (OURS, "original")
"""Contestants whose curves are kept."""


def results_of(race: Race) -> dict[str, Any]:
    """Return every contestant's figures, with intervals over conversations."""
    return {
        "docs": race.docs,
        "conversations": race.conversations,
        "ingest_seconds": race.ingest_seconds,
        "contestants": {name: _figures(name, some) for name, some in race.outcomes.items()},
    }


def rounded(value: Any) -> Any:
    """Round all numbers in results, for a smaller committed file."""
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return [rounded(inner) for inner in value] if isinstance(value, list) else value


def _figures(name: str, outcomes: Sequence[QueryOutcome]) -> dict[str, Any]:
    summary = summarise(outcomes)
    estimates = {measure: mean_measure(outcomes, measure) for measure in MEASURES}
    estimates["false_per_hundred"] = false_injections(outcomes)
    intervals = {key: _bounds(estimate) for key, estimate in estimates.items() if estimate is not None}
    curve = summary["curve"] if name in CURVES else []
    return {**summary, "curve": curve, "intervals": intervals}


def _bounds(estimate: Estimate) -> dict[str, float]:
    """Return an estimate for JSON, without an unbounded interval: JSON has no NaN."""
    return asdict(estimate) if estimate.bounded else {"value": estimate.value}
