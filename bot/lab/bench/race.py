"""A race of contestants on a benchmark: the production path under other thresholds."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from bot.lab.bench.bench_run import UNHURRIED, ask, ignore, ingest
from bot.lab.bench.neutral import Bench
from bot.lab.bench.outcome import MEASURES, QueryOutcome, found_turns, read_outcome
from graph.layers import Layers
from graph.settings.context import Thresholds, TurnContext
from graph.state.turn_state import State
from memory.recall.ranking import by_blend
from memory.tuning.curves import PER
from memory.tuning.resampling import Estimate, resampling

DENSE = {"fusion_lexical": 0, "fusion_neighbours": 0}
LEXICAL = {"fusion_dense": 0, "fusion_neighbours": 0}
FUSED = {"fusion_neighbours": 0}
BLEND = {"rank_rule": "blend"}
ORIGINAL = {**BLEND, "gap_rule": "ratio", **DENSE}


def blend_ranking(state: State) -> list[str]:
    """Return the turn ids as GOAT's first version ranked them: by similarity, recency and access."""
    given, now = Thresholds(), state["turn"].at
    window, reference = given.rank_recency_window, given.rank_access_reference
    ranked = by_blend(state["recall"].candidates, now=now, window_days=window, reference=reference)
    return [candidate.turn_id for candidate in ranked]


@dataclass(frozen=True, slots=True)
class Contestant:
    """A way to recall."""

    name: str
    thresholds: Mapping[str, object] = field(default_factory=dict)
    ranked: Callable[[State], Sequence[str]] = found_turns
    """Returns the ranking from a recall's state; a blend orders only kept memories."""
    what: str = ""
    """Its description."""
    decides: bool = True
    """True if it also runs irrelevant queries, which is not needed where only the ranking differs."""

    @property
    def context(self) -> TurnContext:
        return TurnContext.model_validate({"prefetch_results": 20, **UNHURRIED, **self.thresholds})


OURS = "ours"
CONTESTANTS = (
    Contestant("dense", DENSE, what="vectors alone"),
    Contestant("lexical", LEXICAL, what="words alone (BM25, stemmed)"),
    Contestant("original", ORIGINAL, ranked=blend_ranking, what="GOAT's first version"),
    Contestant("fused", FUSED, what="vectors and words", decides=False),
    Contestant(
        "blend", BLEND, ranked=blend_ranking, what="the default, with recency and access", decides=False
    ),
    Contestant(OURS, what="the default: vectors, words, neighbours"),
)
SHARES = (0.0, 0.1, 0.25, 0.5, 1.0)


def neighbour_contestants(*shares: float) -> list[Contestant]:
    """Return the default with each of these shares of the neighbours' scores."""
    return [Contestant(f"{share:g}", {"fusion_neighbours": share}, decides=False) for share in shares]


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """Outcomes of every contestant on one benchmark."""

    name: str
    docs: int
    conversations: int
    ingest_seconds: float
    """Almost 0 when the archives were ingested before."""
    outcomes: dict[str, list[QueryOutcome]]
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
    seconds, outcomes = 0.0, {contestant.name: list[QueryOutcome]() for contestant in contestants}
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


def mean_measure(outcomes: Iterable[QueryOutcome], measure: str) -> Estimate | None:
    """Return the mean of a measure over the relevant queries, with its interval over conversations."""
    labelled = relevant(outcomes)
    return _estimate([MEASURES[measure](outcome) for outcome in labelled], labelled)


def relevant(outcomes: Iterable[QueryOutcome]) -> list[QueryOutcome]:
    """Return the outcomes of queries that the archive answers."""
    return [outcome for outcome in outcomes if outcome.gold and not outcome.query.irrelevant]


def false_injections(outcomes: Iterable[QueryOutcome]) -> Estimate | None:
    """Return the false injections per hundred irrelevant messages."""
    irrelevant = [outcome for outcome in outcomes if outcome.query.irrelevant]
    return _estimate([float(bool(outcome.kept)) for outcome in irrelevant], irrelevant, scale=PER)


def by_age(
    bench: Bench, outcomes: Iterable[QueryOutcome], days: Sequence[float], measure: str
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


def conversation(outcome: QueryOutcome) -> str:
    """Return an outcome's unit of resampling: its archive, or in a pooled one the original archive."""
    return f"{outcome.archive}/{outcome.query.id.partition('/')[0] if outcome.archive == 'pooled' else ''}"


def _estimate(
    values: Sequence[float], outcomes: Sequence[QueryOutcome], *, scale: float = 1.0
) -> Estimate | None:
    if not values:
        return None
    return resampling([conversation(outcome) for outcome in outcomes]).estimate(values, scale=scale)
