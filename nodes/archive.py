"""Write the turn down, after the reply is out: L3's log, L2, then what follows from them."""

import logging
from dataclasses import dataclass

from graph.state import Archived, ArchiveUpdate, Reply, State, Turn
from memory.errors import MemoryTierError
from memory.models import ConversationTurn, Episode, Outcome
from memory.protocols import ConversationStore, EpisodeStore, SessionCache
from memory.tokens import TokenCounter
from nodes.deadline import within

TOUCH_SECONDS = 1.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Archive:
    """Archive the turn verbatim. Every step may be done again: each is idempotent by turn id.

    The turn does not wait for its vectors: they follow from the log, behind it.
    """

    episodes: EpisodeStore
    conversations: ConversationStore
    cache: SessionCache
    tokens: TokenCounter

    async def __call__(self, state: State) -> ArchiveUpdate:
        turn, reply = state["turn"], state["reply"]
        new_episode = await self.episodes.append(to_episode(turn, reply))
        new_turn = await self.conversations.append(
            await self._to_conversation(turn, reply), owner=turn.owner, thread=turn.thread
        )
        await self.cache.drop(owner=turn.owner)
        self.episodes.index_soon(owner=turn.owner)
        if new_episode:
            await self._touch([c.turn_id for c in state["allocation"].recalled], turn.owner)
        return {"archived": Archived(conversation=new_turn, episode=new_episode)}

    async def _to_conversation(self, turn: Turn, reply: Reply) -> ConversationTurn:
        count = await self.tokens.ready()
        words = reply.own_words
        return ConversationTurn(
            turn_id=turn.turn_id,
            message=turn.message,
            reply=words,
            at=turn.at,
            tokens=count(turn.message) + count(words),
        )

    async def _touch(self, turn_ids: list[str], owner: str) -> None:
        if not turn_ids:
            return
        try:
            await within(self.episodes.touch(turn_ids, owner=owner), TOUCH_SECONDS)
        except (TimeoutError, MemoryTierError) as error:
            logger.warning("Access counts were not written: %s", error)


def to_episode(turn: Turn, reply: Reply) -> Episode:
    """Make the archive's record of a turn; recalled text in a reply is not archived again."""
    return Episode(
        turn_id=turn.turn_id,
        owner=turn.owner,
        thread=turn.thread,
        message=turn.message,
        reply=reply.own_words,
        at=turn.at,
        tags=() if reply.outcome is Outcome.ANSWERED else (reply.outcome.value,),
    )
