"""The status of an owner's memory, part by part."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo

from graph.state.recall_offer import pending_vectors_note
from memory.errors import MemoryTierError
from memory.prompt.prompt import format_time
from memory.protocols import EpisodeStore, PermanentStore, SessionCache


@dataclass(frozen=True, slots=True)
class MemoryStatus:
    """Reports the size of each part of the memory, or why it does not answer."""

    episodes: EpisodeStore
    permanent: PermanentStore
    cache: SessionCache
    facts_cap: int
    count: Callable[[str], int]

    async def lines(self, *, owner: str, zone: tzinfo) -> list[str]:
        """Return a line for each part, queried concurrently; a part that is down says why."""
        asked = {
            "archive": self._archive(owner, zone),
            "search": self._search(owner),
            "facts": self._facts(owner),
            "conversations": self._conversations(owner),
        }
        found = await asyncio.gather(*asked.values(), return_exceptions=True)
        return [f"{name}: {_line(one)}" for name, one in zip(asked, found, strict=True)]

    async def _archive(self, owner: str, zone: tzinfo) -> str:
        count, first = await self.episodes.count(owner=owner), await self.episodes.first(owner=owner)
        return f"{count} turns, the first on {format_time(first.at, zone)}" if first else f"{count} turns"

    async def _search(self, owner: str) -> str:
        """Run a search, which uses the word index, the vectors and the embedding model."""
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


def _line(found: str | BaseException) -> str:
    if isinstance(found, str):
        return found
    if isinstance(found, MemoryTierError | TimeoutError):
        return f"not there ({str(found) or 'no answer in time'})"
    raise found
