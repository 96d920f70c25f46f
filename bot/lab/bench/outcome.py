"""Outcomes of queries: the ranking, what was kept, what should have been found; and a run's summary."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bot.lab.bench import metrics
from bot.lab.bench.bench_run import IngestedArchive
from bot.lab.bench.neutral import Archive, Doc, Query
from bot.lab.bench.recaller import RecallResult
from graph.state.turn_state import State
from memory.models import SearchReport, SearchStatus
from memory.tuning.curves import PER

RANKING = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Outcome of a query."""

    archive: str
    query: Query
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


def found_turns(state: State) -> list[str]:
    """Return the turn ids of a recall's candidates, best first."""
    return [candidate.turn_id for candidate in state["recall"].candidates]


def read_outcome(
    ingested: IngestedArchive, query: Query, recalled: RecallResult, ranked: Sequence[str]
) -> Outcome:
    """Read a query's outcome from its recall; `ranked` are turn ids, best first."""
    state, docs, archive = recalled.state, ingested.docs, ingested.archive
    best = [docs[turn_id] for turn_id in ranked[:RANKING]]
    kept = [docs[turn_id] for turn_id in state["allocation"].recalled]
    by_session = _by_session(archive, query)
    return Outcome(
        archive=archive.id,
        query=query,
        ranking=tuple(doc.id for doc in best),
        kept=tuple(doc.id for doc in kept),
        probability=max((float(decision.probability) for decision in state["decisions"]), default=0.0),
        milliseconds=recalled.milliseconds,
        gold=frozenset(query.gold),
        units=tuple(dict.fromkeys(_unit(doc, by_session=by_session) for doc in best)),
        kept_gold=sum(_unit(doc, by_session=by_session) in query.gold for doc in kept),
        problem=_problem(list(state["recall"].reports.values())),
    )


def _by_session(archive: Archive, query: Query) -> bool:
    """Return whether the gold are sessions: some session matches, and no document does."""
    if not query.gold or not {doc.id for doc in archive.docs}.isdisjoint(query.gold):
        return False
    return not {doc.session for doc in archive.docs}.isdisjoint(query.gold)


def _unit(doc: Doc, *, by_session: bool) -> str:
    return (doc.session or "") if by_session else doc.id


def _problem(reports: Sequence[SearchReport]) -> str:
    failed = [report for report in reports if report.status not in (SearchStatus.OK, SearchStatus.CACHED)]
    return "; ".join(f"{report.status}: {report.problem}" for report in failed)


def summarise(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return a run's figures, None where there was nothing to measure."""
    relevant = [outcome for outcome in outcomes if not outcome.query.irrelevant]
    irrelevant = [outcome for outcome in outcomes if outcome.query.irrelevant]
    labelled = [outcome for outcome in relevant if outcome.gold]
    times = [outcome.milliseconds for outcome in outcomes]
    return {
        "queries": len(outcomes),
        "relevant": len(relevant),
        "irrelevant": len(irrelevant),
        "problems": sum(bool(outcome.problem) for outcome in outcomes),
        **retrieval(labelled),
        "by_category": {
            name: retrieval(some)
            for name, some in metrics.grouped(labelled, lambda o: o.query.category).items()
        },
        "injection": injection(relevant, irrelevant),
        "curve": [asdict(point) for point in _curve(relevant, irrelevant)],
        "latency": {f"p{share}": metrics.percentile(times, share) for share in (50, 95)},
    }


def retrieval(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the retrieval metrics of queries with gold."""
    return {
        "n": len(outcomes),
        "recall@5": metrics.mean([metrics.recall_at(o.units, o.gold, 5) for o in outcomes]),
        "recall@10": metrics.mean([metrics.recall_at(o.units, o.gold, 10) for o in outcomes]),
        "mrr": metrics.mean([metrics.reciprocal_rank(o.units, o.gold) for o in outcomes]),
        "hit@5": metrics.mean([metrics.hit_at(o.units, o.gold, 5) for o in outcomes]),
    }


def injection(relevant: Sequence[Outcome], irrelevant: Sequence[Outcome]) -> dict[str, Any]:
    """Return the metrics of what is shown."""
    labelled = [outcome for outcome in relevant if outcome.gold]
    covered, wrong = sum(bool(o.kept) for o in relevant), sum(bool(o.kept) for o in irrelevant)
    coverage = metrics.ratio(covered, len(relevant))
    return {
        "coverage": coverage,
        "coverage_with_gold": metrics.ratio(sum(bool(o.kept_gold) for o in labelled), len(labelled)),
        "precision": metrics.ratio(sum(o.kept_gold for o in labelled), sum(len(o.kept) for o in labelled)),
        "false_per_hundred": _false_per_hundred(irrelevant),
        "by_kind": {
            name: {"n": len(some), "false_per_hundred": _false_per_hundred(some)}
            for name, some in metrics.grouped(irrelevant, lambda o: o.query.kind).items()
        },
        "auc": metrics.auc([o.probability for o in relevant], [o.probability for o in irrelevant]),
        "f1": metrics.f1(metrics.ratio(covered, covered + wrong), coverage),
    }


def _false_per_hundred(irrelevant: Sequence[Outcome]) -> float | None:
    return metrics.ratio(PER * sum(bool(o.kept) for o in irrelevant), len(irrelevant))


def _curve(relevant: Sequence[Outcome], irrelevant: Sequence[Outcome]) -> list[metrics.RiskPoint]:
    return metrics.risk_curve([o.probability for o in relevant], [o.probability for o in irrelevant])
