"""Experiments: runs that read memory as their turn saw it, and write nothing."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from langgraph.runtime import Runtime

from graph.settings.context import Experiment, TurnContext
from graph.state.circumstances import TurnReader, with_time
from graph.state.recall import search_limit
from graph.state.turn_state import Archived, Recall, State, Turn
from graph.state.updates import ArchiveUpdate, PrefetchUpdate, WorkingUpdate
from memory.concurrency.tasks import within
from memory.episodic.episode_archive import EpisodeArchive
from memory.episodic.log.observation_log import ObservationLog
from memory.episodic.search.hits import Query
from memory.episodic.search.past_archive import PastArchive
from memory.errors import MemoryTierError
from memory.models import Candidate, ConversationTurn, Episode, Mechanism, SearchReport, Seen
from memory.observation.observation import Observation
from memory.protocols import ConversationStore
from memory.recall.fusion_weights import BALANCED, FusionWeights
from memory.recall.mechanisms import Retriever, count_found
from memory.results import SearchResult
from nodes.archive import Archive
from nodes.prefetch import Prefetch
from nodes.working import Working

MOST_COPIED = 20_000
"""Largest archive, in episodes, that is copied as of the turn; beyond it later episodes are filtered out."""
PATIENCE = 30.0
"""Time limit of a search in the past, in seconds."""
LOOKUP_SECONDS = 0.5
"""Time limit for the archive lookup before a turn's first nodes."""

Node = Callable[[Any, Runtime[TurnContext]], Awaitable[Any]]
ExperimentNode = Callable[[Any, Runtime[TurnContext], Episode | None], Awaitable[Any]]
"""A node that writes nothing; it also gets its turn's episode, if that is archived."""


@dataclass(frozen=True, slots=True)
class Experiments:
    """Detects experiments: the context says so, or the turn is already archived.

    A turn that was never archived is not a fork: the first run to finish it archives it.
    """

    turns: TurnReader
    episodes: EpisodeArchive

    def split(self, node: Node, experiment: ExperimentNode, *, first: bool = False) -> Node:
        """Return a node that runs `experiment` in an experiment, else `node`.

        Args:
            node: the node for other runs.
            experiment: the node for experiments.
            first: the node runs before the turn is in the state; a slow archive counts as empty.
        """
        find = self._at_start if first else self._later

        async def chosen(state: Any, runtime: Runtime[TurnContext]) -> Any:
            is_experiment, episode = await find(state, runtime)
            return await (experiment(state, runtime, episode) if is_experiment else node(state, runtime))

        return chosen

    async def _at_start(self, state: State, runtime: Runtime[TurnContext]) -> tuple[bool, Episode | None]:
        if runtime.context.experiment is Experiment.OFF:
            return False, None
        try:
            episode = await within(self._archived(self.turns(state, runtime)), LOOKUP_SECONDS)
        except (TimeoutError, MemoryTierError):
            episode = None
        return episode is not None or runtime.context.experiment is Experiment.ON, episode

    async def _later(self, state: State, runtime: Runtime[TurnContext]) -> tuple[bool, Episode | None]:
        turn = state["turn"]
        if turn.experiment or runtime.context.experiment is not Experiment.FORKS:
            return turn.experiment or runtime.context.experiment is Experiment.ON, None
        episode = await self._archived(turn)
        return episode is not None, episode

    async def _archived(self, turn: Turn) -> Episode | None:
        found = [] if turn.private else await self.episodes.get([turn.turn_id], owner=turn.owner)
        return found[0] if found else None


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

    async def search(
        self,
        query: str,
        *,
        owner: str,
        limit: int,
        by: Sequence[Retriever] = (),
        weights: FusionWeights = BALANCED,
        seconds: float = PATIENCE,  # noqa: ARG002 - the prefetch node has a timeout
        reuse: bool = False,  # noqa: ARG002 - `seen` lists what the vectors found
    ) -> SearchResult:
        """Search the past archive; see `EpisodeArchive.search`."""
        asked = Query(text=query, owner=owner, limit=limit, by=by, weights=weights)
        return await self.past.search(asked, self.seen, same_reach=limit == self.reach)


@dataclass(frozen=True, slots=True)
class PastPrefetch:
    """Run `prefetch` on the archive as the turn saw it, without the cache."""

    prefetch: Prefetch
    archive: EpisodeArchive
    observations: ObservationLog

    async def __call__(
        self, state: State, runtime: Runtime[TurnContext], episode: Episode | None
    ) -> PrefetchUpdate:
        context = runtime.context.model_copy(update={"cache_ttl": 0})
        if episode is None:
            return await self.prefetch(state, runtime.override(context=context))
        state = with_time(state, episode.at)
        observed = await self._observed(episode)
        if observed is None or observed.seen is None or observed.seen.episodes > MOST_COPIED:
            found = await self.prefetch(state, runtime.override(context=context))
            return {"recall": as_of(found["recall"], episode.at, episode.turn_id)}
        past = self.archive.past(owner=episode.owner)
        results = {"prefetch_results": observed.thresholds.get("prefetch_results", 0)}
        reach = search_limit(context.model_copy(update=results))
        prefetch = replace(self.prefetch, episodes=PastEpisodes(past, observed.seen, reach))
        patient = context.model_copy(update={"prefetch_timeout": PATIENCE})
        try:
            return await prefetch(state, runtime.override(context=patient))
        finally:
            await past.close()

    async def _observed(self, episode: Episode) -> Observation | None:
        try:
            return await self.observations.get(episode.turn_id, owner=episode.owner)
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
    return replace(report, found=count_found(Mechanism(name), [one.evidence for one in candidates]))


@dataclass(frozen=True, slots=True)
class PastConversations:
    """The conversations up to a time; nothing is appended."""

    conversations: ConversationStore
    until: datetime

    async def append(self, turn: ConversationTurn, *, owner: str, thread: str) -> bool:  # noqa: ARG002
        return False

    async def window(self, *, owner: str, thread: str, max_tokens: int) -> list[ConversationTurn]:
        """Read the latest turns, without those after `until`."""
        turns = await self.conversations.window(owner=owner, thread=thread, max_tokens=max_tokens)
        return [turn for turn in turns if turn.at <= self.until]

    async def opening(self, *, owner: str, thread: str) -> ConversationTurn | None:
        return await self.conversations.opening(owner=owner, thread=thread)


@dataclass(frozen=True, slots=True)
class PastWorking:
    """Run `working` on the turns before the message, and mark the turn as an experiment."""

    working: Working

    async def __call__(
        self, state: State, runtime: Runtime[TurnContext], episode: Episode | None
    ) -> WorkingUpdate:
        timed = with_time(state, episode.at if episode else None)
        turn = replace(self.working.turns(timed, runtime), experiment=True)
        past = PastConversations(self.working.conversations, turn.at)
        return await replace(self.working, conversations=past).read(turn, state, runtime)


@dataclass(frozen=True, slots=True)
class NoArchive:
    """Archive nothing, unless a crash left the turn in L3 but not in L2."""

    archive: Archive

    async def __call__(
        self, state: State, runtime: Runtime[TurnContext], episode: Episode | None
    ) -> ArchiveUpdate:
        if episode is not None and await self.archive.complete(state, episode):
            return await self.archive(state, runtime)
        nowhere = Archived(turn_id=state["turn"].turn_id, conversation=False, episode=False, experiment=True)
        return {"archived": nowhere, "unused": state.get("unused", ())}
