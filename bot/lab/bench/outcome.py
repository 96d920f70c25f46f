"""What became of one query: what was found, what would be shown, and what should have been."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.lab.bench.neutral import Archive, Doc, Query
from bot.lab.bench.recaller import Recalled
from graph.state.turn_state import State
from memory.models import SearchReport, SearchStatus

RANKING = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a query."""

    archive: str
    query: Query
    ranking: tuple[str, ...]
    """Documents found, best first, before the cut."""
    kept: tuple[str, ...]
    """Documents that would stand in the prompt."""
    probability: float
    """The best decision's."""
    milliseconds: float
    gold: frozenset[str]
    """Documents, or sessions, that should be found."""
    units: tuple[str, ...]
    """`ranking` in the units of `gold`: documents, or their sessions in order of their first document."""
    kept_gold: int
    """Documents kept that are gold, or of a session that is."""
    problem: str = ""
    """Why the search gave less than it has, if it did."""

    def as_json(self) -> dict[str, Any]:
        """Return what is written down of it."""
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


def found(state: State) -> list[str]:
    """Return the turn ids that a recall found, best first, before the cut."""
    return [candidate.turn_id for candidate in state["recall"].candidates]


def read_outcome(
    archive: Archive, query: Query, recalled: Recalled, docs: Mapping[str, Doc], *, ranked: Sequence[str]
) -> Outcome:
    """Read an outcome off a recall.

    Args:
        archive: what was searched.
        query: what was asked.
        recalled: what the recall came to.
        docs: the archive's documents by their turn ids.
        ranked: turn ids, best first.
    """
    state = recalled.state
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
        units=_units(best, by_session=by_session),
        kept_gold=sum(_unit(doc, by_session=by_session) in query.gold for doc in kept),
        problem=_problem(list(state["recall"].reports.values())),
    )


def _by_session(archive: Archive, query: Query) -> bool:
    """Say whether the query's gold are sessions: some match, and no document does."""
    if not query.gold or not {doc.id for doc in archive.docs}.isdisjoint(query.gold):
        return False
    return not {doc.session for doc in archive.docs}.isdisjoint(query.gold)


def _units(docs: Sequence[Doc], *, by_session: bool) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_unit(doc, by_session=by_session) for doc in docs))


def _unit(doc: Doc, *, by_session: bool) -> str:
    return (doc.session or "") if by_session else doc.id


def _problem(reports: Sequence[SearchReport]) -> str:
    failed = [report for report in reports if report.status not in (SearchStatus.OK, SearchStatus.CACHED)]
    return "; ".join(f"{report.status}: {report.problem}" for report in failed)
