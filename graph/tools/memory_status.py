"""What there is of an owner's memory, and which part does not answer."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo

from graph.state.recall_offer import pending_vectors_note
from memory.errors import MemoryTierError
from memory.prompt.prompt import format_time
from memory.protocols import EpisodeStore, PermanentStore, SessionCache


@dataclass(frozen=True, slots=True)
class MemoryParts:
    """Ask each part of the memory whether it is there."""

    episodes: EpisodeStore
    permanent: PermanentStore
    cache: SessionCache
    facts_cap: int
    count: Callable[[str], int]

    async def lines(self, *, owner: str, zone: tzinfo) -> list[str]:
        """Return a line for each part; one that is down says why, and holds up no other."""
        asked = {
            "archive": self._archive(owner, zone),
            "search": self._search(owner),
            "facts": self._facts(owner),
            "conversations": self._conversations(owner),
        }
        said = await asyncio.gather(*asked.values(), return_exceptions=True)
        return [f"{name}: {_told(one)}" for name, one in zip(asked, said, strict=True)]

    async def _archive(self, owner: str, zone: tzinfo) -> str:
        count, first = await self.episodes.count(owner=owner), await self.episodes.first(owner=owner)
        return f"{count} turns, the first on {format_time(first.at, zone)}" if first else f"{count} turns"

    async def _search(self, owner: str) -> str:
        """Search for something: that asks the words, the vectors and the model that makes them."""
        result = await self.episodes.search("memory", owner=owner, limit=1)
        waiting = (pending_vectors_note(result),) if result.waiting else ()
        return "; ".join((*result.problems, *waiting)) or "by meaning and by words"

    async def _facts(self, owner: str) -> str:
        facts = await self.permanent.facts(owner=owner)
        tokens = sum(self.count(f"{fact.key}: {fact.value}\n") for fact in facts)
        return f"{len(facts)}, {tokens} of {self.facts_cap} tokens"

    async def _conversations(self, owner: str) -> str:
        await self.cache.get("status", owner=owner)
        return "there"


def _told(said: str | BaseException) -> str:
    if isinstance(said, str):
        return said
    if isinstance(said, MemoryTierError | TimeoutError):
        return f"not there ({str(said) or 'no answer in time'})"
    raise said
