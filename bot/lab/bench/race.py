"""A race of contestants on a benchmark, and its results."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from bot.lab.bench.bench_run import ask, ignore, ingest
from bot.lab.bench.contestants import OURS, Contestant
from bot.lab.bench.metrics import hit_at, recall_at, reciprocal_rank
from bot.lab.bench.neutral import Bench
from bot.lab.bench.outcome import Outcome, read_outcome, summarise
from graph.layers import Layers
from memory.tuning.curves import PER
from memory.tuning.resampling import Estimate, resampling

DIGITS = 4
CURVES = (OURS, "original")
"""Contestants whose curves are kept."""
MEASURES: Mapping[str, Callable[[Outcome], float]] = {
    "recall@5": lambda outcome: recall_at(outcome.units, outcome.gold, 5),
    "recall@10": lambda outcome: recall_at(outcome.units, outcome.gold, 10),
    "mrr": lambda outcome: reciprocal_rank(outcome.units, outcome.gold),
    "hit@1": lambda outcome: hit_at(outcome.units, outcome.gold, 1),
    "hit@5": lambda outcome: hit_at(outcome.units, outcome.gold, 5),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """Outcomes of every contestant on one benchmark."""

    name: str
    docs: int
    conversations: int
    ingest_seconds: float
    """Almost 0 when the archives were ingested before."""
    outcomes: dict[str, list[Outcome]]
    """By contestant."""


async def race(
    layers: Layers,
    bench: Bench,
    contestants: Sequence[Contestant],
    *,
    on_embedded: Callable[[int], None] = ignore,
    on_asked: Callable[[], None] = lambda: None,
) -> Race:
    """Ingest every archive once, and run its queries for every contestant."""
    seconds, outcomes = 0.0, {contestant.name: list[Outcome]() for contestant in contestants}
    for archive in bench.archives:
        ingested = await ingest(layers, archive, f"{bench.name} {archive.id}", on_embedded)
        relevant = ingested.with_queries([query for query in archive.queries if not query.irrelevant])
        seconds += ingested.seconds
        for one in contestants:
            async for query, recalled in ask(layers, ingested if one.decides else relevant, one.context):
                ranked = one.ranked(recalled.state)
                outcomes[one.name].append(read_outcome(ingested, query, recalled, ranked))
                on_asked()
    return Race(
        name=bench.name,
        docs=sum(len(archive.docs) for archive in bench.archives),
        conversations=len(bench.archives),
        ingest_seconds=seconds,
        outcomes=outcomes,
    )


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


def mean_measure(outcomes: Iterable[Outcome], measure: str) -> Estimate | None:
    """Return the mean of a measure over the relevant queries, with its interval over conversations."""
    labelled = relevant(outcomes)
    return _estimate([MEASURES[measure](outcome) for outcome in labelled], labelled)


def relevant(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Return the outcomes of queries that the archive answers."""
    return [outcome for outcome in outcomes if outcome.gold and not outcome.query.irrelevant]


def false_injections(outcomes: Iterable[Outcome]) -> Estimate | None:
    """Return the false injections per hundred irrelevant messages."""
    irrelevant = [outcome for outcome in outcomes if outcome.query.irrelevant]
    return _estimate([float(bool(outcome.kept)) for outcome in irrelevant], irrelevant, scale=PER)


def by_age(
    bench: Bench, outcomes: Iterable[Outcome], days: Sequence[float], measure: str
) -> list[Estimate | None]:
    """Return a measure by age of the answer, in groups of up to each number of days."""
    said = {(archive.id, doc.id): doc.time for archive in bench.archives for doc in archive.docs if doc.time}
    last = max(said.values())
    ages = [
        (outcome, (last - max(said[outcome.archive, doc] for doc in outcome.gold)) / timedelta(days=1))
        for outcome in outcomes
        if outcome.gold
    ]
    spans = itertools.pairwise((-1.0, *days))
    return [mean_measure([one for one, age in ages if low < age <= high], measure) for low, high in spans]


def conversation(outcome: Outcome) -> str:
    """Return an outcome's unit of resampling: its archive, or in a pooled one the original archive."""
    return f"{outcome.archive}/{outcome.query.id.partition('/')[0] if outcome.archive == 'pooled' else ''}"


def _estimate(values: Sequence[float], outcomes: Sequence[Outcome], *, scale: float = 1.0) -> Estimate | None:
    if not values:
        return None
    return resampling([conversation(outcome) for outcome in outcomes]).estimate(values, scale=scale)


def _figures(name: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    summary = summarise(outcomes)
    estimates = {measure: mean_measure(outcomes, measure) for measure in MEASURES}
    estimates["false_per_hundred"] = false_injections(outcomes)
    intervals = {key: _bounds(estimate) for key, estimate in estimates.items() if estimate is not None}
    curve = summary["curve"] if name in CURVES else []
    return {**summary, "curve": curve, "intervals": intervals}


def _bounds(estimate: Estimate) -> dict[str, float]:
    """Return an estimate for JSON, which has no NaN: without ends if it has no interval."""
    return asdict(estimate) if estimate.bounded else {"value": estimate.value}
