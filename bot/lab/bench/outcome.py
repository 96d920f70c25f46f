"""Outcomes of queries, and the metrics of a run: retrieval and injection."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bot.lab.bench.bench_run import IngestedArchive, RecallResult
from bot.lab.bench.neutral import BenchArchive, BenchQuery, Doc
from graph.state.turn_state import State
from memory.models import SearchStatus
from memory.tuning.curves import GRID, PER
from memory.tuning.resampling import INTERVAL, RESAMPLES, SEED, Estimate

Value = TypeVar("Value")


def grouped(values: Iterable[Value], name: Callable[[Value], str | None]) -> dict[str, list[Value]]:
    """Group values by name, in alphabetical order."""
    groups: dict[str, list[Value]] = {}
    for value in values:
        groups.setdefault(name(value) or "(none)", []).append(value)
    return dict(sorted(groups.items()))


def recall_at(ranking: Sequence[str], gold: Collection[str], k: int) -> float:
    """Return the share of `gold` (not empty) among the first `k`."""
    return len(set(gold).intersection(ranking[:k])) / len(set(gold))


def hit_at(ranking: Sequence[str], gold: Collection[str], k: int) -> float:
    """Return 1 when any of `gold` is among the first `k`, else 0."""
    return float(any(unit in gold for unit in ranking[:k]))


def reciprocal_rank(ranking: Sequence[str], gold: Collection[str]) -> float:
    """Return one over the rank of the first of `gold`; 0 when none is ranked."""
    return next((1 / rank for rank, unit in enumerate(ranking, start=1) if unit in gold), 0.0)


def mean(values: Sequence[float]) -> float | None:
    """Return the mean; None without values."""
    return float(np.mean(values)) if len(values) else None


def ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def f1(precision: float | None, recall: float | None) -> float | None:
    """Return the harmonic mean; None unless both are known."""
    if precision is None or recall is None:
        return None
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def auc(positive: Sequence[float], negative: Sequence[float]) -> float | None:
    """Return the probability that a positive exceeds a negative, ties counting half; None without both."""
    if not len(positive) or not len(negative):
        return None
    below = np.sort(np.asarray(negative, float))
    wins = np.searchsorted(below, positive, "left") + np.searchsorted(below, positive, "right")
    return float(np.mean(wins) / 2 / len(below))


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskPoint:
    """Coverage and risk of one threshold."""

    threshold: float
    coverage: Estimate | None
    """Share of relevant queries with something shown."""
    false_injections: Estimate | None
    """Irrelevant queries with something shown, per hundred."""


def risk_curve(
    relevant: Sequence[float], irrelevant: Sequence[float], thresholds: Sequence[float] = GRID
) -> list[RiskPoint]:
    """Return coverage and false injections for each threshold, from the queries' best probabilities."""
    chance = np.random.default_rng(SEED)
    covered = _estimates(np.asarray(relevant, float), thresholds, 1.0, chance)
    wrong = _estimates(np.asarray(irrelevant, float), thresholds, PER, chance)
    return [
        RiskPoint(threshold=threshold, coverage=coverage, false_injections=false)
        for threshold, coverage, false in zip(thresholds, covered, wrong, strict=True)
    ]


def _estimates(
    values: NDArray[np.float64], thresholds: Sequence[float], scale: float, chance: np.random.Generator
) -> list[Estimate | None]:
    """Estimate the share of `values` at or above each threshold.

    Resampling booleans with replacement draws their count from a binomial distribution.
    """
    if not values.size:
        return [None] * len(thresholds)
    shares = [float(np.mean(values >= threshold)) for threshold in thresholds]
    draws = [chance.binomial(values.size, share, RESAMPLES) / values.size for share in shares]
    bounds = [np.percentile(drawn, INTERVAL) * scale for drawn in draws]
    return [
        Estimate(value=share * scale, low=float(low), high=float(high))
        for share, (low, high) in zip(shares, bounds, strict=True)
    ]


RANKING = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryOutcome:
    archive: str
    query: BenchQuery
    ranking: tuple[str, ...]
    """Documents of the candidates, best first."""
    kept: tuple[str, ...]
    """Documents that reach the prompt."""
    probability: float
    """Probability of the best decision."""
    milliseconds: float
    gold: frozenset[str]
    """Documents, or sessions, that should be found."""
    units: tuple[str, ...]
    """`ranking` in the units of `gold`: documents, or their sessions in order of their first document."""
    kept_gold: int
    """Number of kept documents that are gold, or in a gold session."""
    problem: str = ""
    """Why a search failed or was late; empty if none was."""

    def as_json(self) -> dict[str, Any]:
        """Return it as written to the results."""
        about = {"category": self.query.category, "kind": self.query.kind, "problem": self.problem or None}
        return {
            "archive": self.archive,
            "id": self.query.id,
            "ranking": list(self.ranking),
            "kept": list(self.kept),
            "probability": self.probability,
            "ms": round(self.milliseconds, 2),
            "irrelevant": self.query.irrelevant,
        } | {key: value for key, value in about.items() if value is not None}


MEASURES: Mapping[str, Callable[[QueryOutcome], float]] = {
    "recall@5": lambda outcome: recall_at(outcome.units, outcome.gold, 5),
    "recall@10": lambda outcome: recall_at(outcome.units, outcome.gold, 10),
    "mrr": lambda outcome: reciprocal_rank(outcome.units, outcome.gold),
    "hit@1": lambda outcome: hit_at(outcome.units, outcome.gold, 1),
    "hit@5": lambda outcome: hit_at(outcome.units, outcome.gold, 5),
}
RETRIEVAL = ("recall@5", "recall@10", "mrr", "hit@5")
"""The measures of a summary."""


def found_turns(state: State) -> list[str]:
    """Return the turn ids of a recall's candidates, best first."""
    return [candidate.turn_id for candidate in state["recall"].candidates]


def read_outcome(
    ingested: IngestedArchive, query: BenchQuery, recalled: RecallResult, ranked: Sequence[str]
) -> QueryOutcome:
    """Read a query's outcome from its recall; `ranked` are turn ids, best first."""
    state, docs, archive = recalled.state, ingested.docs, ingested.archive
    best = [docs[turn_id] for turn_id in ranked[:RANKING]]
    kept = [docs[turn_id] for turn_id in state["allocation"].recalled]
    by_session = _by_session(archive, query)
    fine = (SearchStatus.OK, SearchStatus.CACHED)
    failed = [report for report in state["recall"].reports.values() if report.status not in fine]
    return QueryOutcome(
        archive=archive.id,
        query=query,
        ranking=tuple(doc.id for doc in best),
        kept=tuple(doc.id for doc in kept),
        probability=max((float(decision.probability) for decision in state["decisions"]), default=0.0),
        milliseconds=recalled.milliseconds,
        gold=frozenset(query.gold),
        units=tuple(dict.fromkeys(_unit(doc, by_session=by_session) for doc in best)),
        kept_gold=sum(_unit(doc, by_session=by_session) in query.gold for doc in kept),
        problem="; ".join(f"{report.status}: {report.problem}" for report in failed),
    )


def _by_session(archive: BenchArchive, query: BenchQuery) -> bool:
    """Return whether the gold are sessions: some session matches, and no document does."""
    ids, sessions = {doc.id for doc in archive.docs}, {doc.session for doc in archive.docs}
    return ids.isdisjoint(query.gold) and not sessions.isdisjoint(query.gold)


def _unit(doc: Doc, *, by_session: bool) -> str:
    return (doc.session or "") if by_session else doc.id


def summarise(outcomes: Sequence[QueryOutcome]) -> dict[str, Any]:
    """Return a run's figures, None where there was nothing to measure."""
    relevant = [outcome for outcome in outcomes if not outcome.query.irrelevant]
    irrelevant = [outcome for outcome in outcomes if outcome.query.irrelevant]
    labelled = [outcome for outcome in relevant if outcome.gold]
    times = [outcome.milliseconds for outcome in outcomes]
    chances, wrong = [o.probability for o in relevant], [o.probability for o in irrelevant]
    return {
        "queries": len(outcomes),
        "relevant": len(relevant),
        "irrelevant": len(irrelevant),
        "problems": sum(bool(outcome.problem) for outcome in outcomes),
        **retrieval(labelled),
        "by_category": {
            name: retrieval(some) for name, some in grouped(labelled, lambda o: o.query.category).items()
        },
        "injection": injection(relevant, irrelevant),
        "curve": [asdict(point) for point in risk_curve(chances, wrong)],
        "latency": {f"p{share}": float(np.percentile(times, share)) if times else None for share in (50, 95)},
    }


def retrieval(outcomes: Sequence[QueryOutcome]) -> dict[str, Any]:
    """Return the retrieval metrics of queries with gold."""
    return {
        "n": len(outcomes),
        **{name: mean([MEASURES[name](outcome) for outcome in outcomes]) for name in RETRIEVAL},
    }


def injection(relevant: Sequence[QueryOutcome], irrelevant: Sequence[QueryOutcome]) -> dict[str, Any]:
    """Return the metrics of what is shown."""
    labelled = [outcome for outcome in relevant if outcome.gold]
    covered, wrong = (sum(bool(o.kept) for o in some) for some in (relevant, irrelevant))
    coverage = ratio(covered, len(relevant))
    return {
        "coverage": coverage,
        "coverage_with_gold": ratio(sum(bool(o.kept_gold) for o in labelled), len(labelled)),
        "precision": ratio(sum(o.kept_gold for o in labelled), sum(len(o.kept) for o in labelled)),
        "false_per_hundred": _false_per_hundred(irrelevant),
        "by_kind": {
            name: {"n": len(some), "false_per_hundred": _false_per_hundred(some)}
            for name, some in grouped(irrelevant, lambda o: o.query.kind).items()
        },
        "auc": auc([o.probability for o in relevant], [o.probability for o in irrelevant]),
        "f1": f1(ratio(covered, covered + wrong), coverage),
    }


def _false_per_hundred(irrelevant: Sequence[QueryOutcome]) -> float | None:
    return ratio(PER * sum(bool(o.kept) for o in irrelevant), len(irrelevant))
