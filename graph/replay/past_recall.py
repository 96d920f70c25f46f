"""Search for a past turn in the archive as it was then."""

import asyncio
from dataclasses import dataclass

from graph.replay.recorded_turns import RecordedTurn
from graph.settings.context import TurnContext
from graph.state.recall_offer import search_limit, to_recall
from graph.state.turn_state import Recall
from memory.episodic.search.past_archive import PastArchive
from memory.episodic.search.searcher import Query
from memory.recall.query import ArchiveQuery, read_query


@dataclass(frozen=True, slots=True)
class PastRecall:
    """Repeats a turn's search; a search that failed then stays failed."""

    past: PastArchive

    async def __call__(self, turn: RecordedTurn, context: TurnContext, as_recorded: TurnContext) -> Recall:
        """Search with `context`; the turn itself ran with `as_recorded`."""
        observation, episode = turn.observation, turn.episode
        seen = observation.seen
        if seen is None:
            return Recall(reports=dict(observation.searches))
        asked = await asyncio.to_thread(
            read_query, episode.said, before=turn.said_before, now=observation.at, zone=turn.zone
        )
        same_reach = search_limit(context) == search_limit(as_recorded)
        result = await self.past.search(
            self._query(asked, observation.owner, context), seen, same_reach=same_reach
        )
        return to_recall(result, asked, episode.said)

    def _query(self, asked: ArchiveQuery, owner: str, context: TurnContext) -> Query:
        return Query(
            text=asked.text,
            owner=owner,
            limit=search_limit(context),
            by=asked.by,
            weights=context.fusion,
        )
