"""Summary of a run's outcomes."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bot.lab.bench import metrics
from bot.lab.bench.outcome import Outcome


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
    return metrics.ratio(metrics.PER * sum(bool(o.kept) for o in irrelevant), len(irrelevant))


def _curve(relevant: Sequence[Outcome], irrelevant: Sequence[Outcome]) -> list[metrics.RiskPoint]:
    return metrics.risk_curve([o.probability for o in relevant], [o.probability for o in irrelevant])
