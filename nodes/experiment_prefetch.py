"""Prefetch for experiments: the archive as the turn saw it, without writes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from langgraph.runtime import Runtime

from graph.settings.context import Experiment, TurnContext
from graph.state.circumstances import with_time
from graph.state.experiment import ExperimentCheck
from graph.state.recall_offer import search_limit
from graph.state.turn_state import Recall, State, Turn
from graph.state.updates import PrefetchUpdate
from memory.episodic.episode_archive import EpisodeArchive
from memory.episodic.log.observation_log import ObservationLog
from memory.episodic.search.past_archive import PastArchive
from memory.episodic.search.searcher import Query
from memory.errors import MemoryTierError
from memory.models import Candidate, Episode, Mechanism, SearchReport, SearchResult, Seen
from memory.observation.observation import Observation
from memory.recall.fusion_weights import BALANCED, FusionWeights
from nodes.prefetch import Prefetch

MOST_COPIED = 20_000
"""Largest archive, in episodes, that is copied as of the turn; beyond it later episodes are filtered out."""
PATIENCE = 30.0
"""Time limit of a search in the past, in seconds."""


@dataclass(frozen=True, slots=True)
class PastEpisodes:
    """The archive as an earlier search saw it."""

    past: PastArchive
    seen: Seen
    reach: int
    """Number of episodes that the earlier search requested."""

    async def ready(self, *, owner: str) -> None:
        """Do nothing."""

    def expect(self, query: str, *, owner: str, limit: int) -> None:
        """Do nothing."""

    async def search(  # noqa: PLR0913 - a search has many sides, each with a name
        self,
        query: str,
        *,
        owner: str,
        limit: int,
        keys: Sequence[str] = (),
        times: tuple[datetime, datetime] | None = None,
        weights: FusionWeights = BALANCED,
        seconds: float = PATIENCE,  # noqa: ARG002 - the node that waits has its own
        reuse: bool = False,  # noqa: ARG002 - what that search was led to is known
    ) -> SearchResult:
        """Search the past archive; see `EpisodeStore.search`."""
        asked = Query(text=query, owner=owner, limit=limit, keys=keys, times=times, weights=weights)
        return await self.past.search(asked, self.seen, same_reach=limit == self.reach)


@dataclass(frozen=True, slots=True)
class ExperimentPrefetch:
    """Run `prefetch`, in an experiment on the archive as the turn saw it."""

    prefetch: Prefetch
    experiments: ExperimentCheck
    archive: EpisodeArchive
    observations: ObservationLog

    async def __call__(self, state: State, runtime: Runtime[TurnContext]) -> PrefetchUpdate:
        if runtime.context.experiment is Experiment.OFF:
            return await self.prefetch(state, runtime)
        turn = self.prefetch.turns(state, runtime)
        experiment, episode = await self.experiments.at_start(turn, runtime)
        if not experiment:
            return await self.prefetch(state, runtime)
        uncached = runtime.context.model_copy(update={"cache_ttl": 0})
        if episode is None:
            return await self.prefetch(state, runtime.override(context=uncached))
        return {
            "recall": await self._recall_as_of(with_time(state, episode.at), runtime, uncached, turn, episode)
        }

    async def _recall_as_of(
        self,
        state: State,
        runtime: Runtime[TurnContext],
        context: TurnContext,
        turn: Turn,
        episode: Episode,
    ) -> Recall:
        observed = await self._observed(turn)
        if observed is None or observed.seen is None or observed.seen.episodes > MOST_COPIED:
            found = await self.prefetch(state, runtime.override(context=context))
            return as_of(found["recall"], episode.at, turn.turn_id)
        past = self.archive.past(owner=turn.owner)
        results = {"prefetch_results": observed.thresholds.get("prefetch_results", 0)}
        reach = search_limit(context.model_copy(update=results))
        prefetch = replace(self.prefetch, episodes=PastEpisodes(past, observed.seen, reach))
        patient = context.model_copy(update={"prefetch_timeout": PATIENCE})
        try:
            return (await prefetch(state, runtime.override(context=patient)))["recall"]
        finally:
            await past.close()

    async def _observed(self, turn: Turn) -> Observation | None:
        try:
            return await self.observations.get(turn.turn_id, owner=turn.owner)
        except MemoryTierError:
            return None


def as_of(recall: Recall, began: datetime, turn_id: str) -> Recall:
    """Drop the turn itself and later ones from a recall."""
    kept = [c for c in recall.candidates if c.turn_id != turn_id and c.at <= began]
    if len(kept) == len(recall.candidates):
        return recall
    candidates = tuple(replace(candidate, rank=rank) for rank, candidate in enumerate(kept, start=1))
    reports = {name: _recount(name, report, candidates) for name, report in recall.reports.items()}
    return replace(recall, candidates=candidates, reports=reports)


def _recount(name: str, report: SearchReport, candidates: Sequence[Candidate]) -> SearchReport:
    evidence = [candidate.evidence for candidate in candidates]
    found = {
        Mechanism.THEMATIC: len(evidence),
        Mechanism.TEMPORAL: sum(one.timed for one in evidence),
        Mechanism.KEY: sum(one.keyed > 0 for one in evidence),
    }
    return replace(report, found=found[Mechanism(name)])
