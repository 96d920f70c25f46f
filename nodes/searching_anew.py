"""The search of an experiment: in the memory as it was when the message came, and nothing is kept of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from langgraph.runtime import Runtime

from graph.context import Experiment, TurnContext
from graph.experiment import Experiments
from graph.state import Recall, State
from graph.turn import dated
from graph.updates import PrefetchUpdate
from memory.models import Candidate, Mechanism, SearchReport
from nodes.prefetch import Prefetch


@dataclass(frozen=True, slots=True)
class SearchingAnew:
    """Prefetch, for a turn that may be an experiment; for any other it is `prefetch` and nothing else."""

    prefetch: Prefetch
    experiments: Experiments

    async def __call__(self, state: State, runtime: Runtime[TurnContext]) -> PrefetchUpdate:
        if runtime.context.experiment is Experiment.OFF:
            return await self.prefetch(state, runtime)
        self.prefetch.turns(state, runtime)  # refuses what cannot be answered, before anything is waited for
        experiment, began = await self.experiments.beginning(runtime)
        if not experiment:
            return await self.prefetch(state, runtime)
        uncached = runtime.context.model_copy(update={"cache_ttl": 0})
        found = await self.prefetch(dated(state, began), runtime.override(context=uncached))
        return {"recall": as_of(found["recall"], began, str(state["messages"][-1].id))}


def as_of(recall: Recall, began: datetime | None, turn_id: str) -> Recall:
    """Leave out the turn itself, and what came after it."""
    kept = [c for c in recall.candidates if c.turn_id != turn_id and (began is None or c.at <= began)]
    if len(kept) == len(recall.candidates):
        return recall
    candidates = tuple(replace(candidate, rank=rank) for rank, candidate in enumerate(kept, start=1))
    reports = {name: _counted(name, report, candidates) for name, report in recall.reports.items()}
    return replace(recall, candidates=candidates, reports=reports)


def _counted(name: str, report: SearchReport, candidates: Sequence[Candidate]) -> SearchReport:
    evidence = [candidate.evidence for candidate in candidates]
    found = {
        Mechanism.THEMATIC: len(evidence),
        Mechanism.TEMPORAL: sum(one.timed for one in evidence),
        Mechanism.KEY: sum(one.keyed > 0 for one in evidence),
    }
    return replace(report, found=found[Mechanism(name)])
