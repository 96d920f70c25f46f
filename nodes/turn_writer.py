"""Writer of a turn to L3's log, to L2 and to derived data."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from graph.state.turn_state import Unused
from memory.episodic.episode_archive import EpisodeArchive
from memory.models import ConversationTurn, Episode
from memory.prompt.prompt import render_said
from memory.prompt.token_budget import CountTokens, TokenCounter, count_aside
from memory.protocols import ConversationStore
from memory.working.redis_cache import RedisSessionCache


@dataclass(frozen=True, slots=True)
class TurnWriter:
    """Writes turns. Every step is idempotent by turn id. Vectors are computed later, from the log."""

    episodes: EpisodeArchive
    conversations: ConversationStore
    cache: RedisSessionCache
    tokens: TokenCounter

    async def write(self, episode: Episode, evidence: Sequence[str] = ()) -> None:
        """Archive a turn and append it to L2, unless it was already archived with another reply."""
        new = await self.episodes.append(episode)
        archived = [episode] if new else await self.episodes.get([episode.turn_id], owner=episode.owner)
        if archived and archived[0].reply == episode.reply:
            await self.to_conversation(archived[0], evidence)
        await self.update_derived(episode.owner)

    async def to_conversation(
        self, episode: Episode, evidence: Sequence[str] = (), in_vain: Sequence[Unused] | None = None
    ) -> bool:
        """Append an archived turn to L2; return True if it was missing.

        Args:
            episode: the turn.
            evidence: one line for each of its tool calls.
            in_vain: the unused memories that the thread's next turn needs.
        """
        converting = partial(to_conversation_turn, episode, await self.tokens.ready(), evidence)
        said = await count_aside(converting, [episode.message, episode.reply])
        kept = None if in_vain is None else {s.turn_id: (s.probability, s.turns_left) for s in in_vain}
        turn = replace(said, in_vain=kept)
        return await self.conversations.append(turn, owner=episode.owner, thread=episode.thread)

    async def update_derived(self, owner: str) -> None:
        """Drop cached searches and schedule the vectors, after an owner's archive has changed."""
        await self.cache.drop(owner=owner)
        self.episodes.index_soon(owner=owner)


def to_conversation_turn(
    episode: Episode, count: CountTokens, evidence: Sequence[str] = ()
) -> ConversationTurn:
    """Return an episode as a turn of its thread."""
    said = count(render_said(episode.message, episode.parts))
    return ConversationTurn(
        turn_id=episode.turn_id,
        message=episode.message,
        parts=episode.parts,
        reply=episode.reply,
        at=episode.at,
        evidence=evidence,
        foreign=episode.foreign,
        tokens=said + count("\n".join([episode.reply, *evidence])),
    )
