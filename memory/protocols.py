"""Interfaces of the memory stores.

Every method that takes an `owner` reads and writes that owner's memory only. Every method raises
`TierUnavailable` when its backend cannot be reached, and `TierCorrupt` when its answer cannot be read.
Implementations do no I/O when they are constructed: they connect on first use.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from memory.models import ConversationTurn, Episode, Fact
from memory.recall.fusion_weights import BALANCED, FusionWeights
from memory.recall.mechanisms import Retriever
from memory.results import CacheEntry, IndexProgress, SearchResult


class Searchable(Protocol):
    """An archive that can be searched."""

    async def ready(self, *, owner: str) -> None:
        """Load the libraries and models of the owner's first search, without calls that may hang."""
        ...

    def expect(self, query: str, *, owner: str, limit: int) -> None:
        """Start work for the search of `query`, which must follow immediately."""
        ...

    async def search(
        self,
        query: str,
        *,
        owner: str,
        limit: int,
        by: Sequence[Retriever] = (),
        weights: FusionWeights = BALANCED,
        seconds: float = ...,
        reuse: bool = False,
    ) -> SearchResult:
        """Find at most `limit` episodes by meaning and words and by each mechanism; each once.

        Args:
            query: text to search for.
            owner: owner of the archive.
            limit: most episodes of each mechanism.
            by: further mechanisms, with what they look for.
            weights: of meaning, words and neighbours.
            seconds: time limit; late parts are left out and named in the result.
            reuse: reuse the vector results of an earlier equal search, with all episodes added since.

        Raises:
            TimeoutError: nothing was found in time.
        """
        ...


class EpisodeStore(Searchable, Protocol):
    """L3: every turn verbatim, for ever, searchable by meaning."""

    async def append(self, episode: Episode, shown: Sequence[str] = ()) -> bool:
        """Commit `episode` to the durable log; the first episode of a turn id is kept.

        Args:
            episode: the turn.
            shown: episodes in its prompt; with a new turn id, the access count of each is incremented.

        Returns:
            True when it is new. Vectors follow: see `index`.
        """
        ...

    async def index(self, *, owner: str) -> int:
        """Bring the vectors up to date with the log; return how many episodes were indexed.

        Raises:
            EmbeddingMismatch: the owner's vectors were made by another embedding model.
        """
        ...

    def indexing(self, *, owner: str) -> AsyncGenerator[IndexProgress, None]:
        """Index as `index` does and yield progress; closing the generator stops it.

        Messages are embedded before long replies.
        """
        ...

    def index_soon(self, *, owner: str) -> None:
        """Schedule `index` in the background; the next search waits for it briefly."""
        ...

    async def get(self, turn_ids: Sequence[str], *, owner: str) -> list[Episode]:
        """Return episodes in the order of `turn_ids`, without unknown ids."""
        ...

    async def recent(self, *, owner: str, limit: int) -> list[Episode]:
        """Return the `limit` latest episodes, newest first."""
        ...

    async def count(self, *, owner: str, since: datetime | None = None) -> int:
        """Count the owner's episodes, optionally only those since a time (inclusive)."""
        ...

    async def first(self, *, owner: str) -> Episode | None:
        """Return the oldest episode, or None."""
        ...

    def all(self, *, owner: str) -> AsyncIterator[Episode]:
        """Iterate over every episode in the order of arrival, page by page."""
        ...

    async def threads(self, *, owner: str) -> list[str]:
        """Return the ids of the owner's threads."""
        ...

    async def tag(self, turn_id: str, tag: str, *, owner: str) -> None:
        """Add a tag to an episode once; do nothing when the episode does not exist."""
        ...

    async def erase(self, *, owner: str) -> None:
        """Delete the owner's episodes and vectors permanently."""
        ...


class PermanentStore(Protocol):
    """L0 and L1: identity override and curated facts."""

    async def identity(self, *, owner: str) -> str | None:
        """Return the owner's identity override, or None."""
        ...

    async def set_identity(self, text: str | None, *, owner: str) -> None:
        """Set the override; None restores the configured persona. Earlier overrides stay in the history.

        Raises:
            ValueError: the text has a lone surrogate.
        """
        ...

    async def identity_history(self, *, owner: str) -> list[tuple[str | None, datetime]]:
        """Return every override with its time, newest first; None is the configured persona."""
        ...

    async def facts(self, *, owner: str, as_of: datetime | None = None) -> list[Fact]:
        """Return the facts, newest first; with `as_of`, the facts of that time."""
        ...

    async def upsert(self, key: str, value: str, *, owner: str, at: datetime) -> None:
        """Write a fact; the newest `at` of a key wins, and every value stays in the history.

        Raises:
            FactsFull: all facts together would exceed the token cap, and this one adds to them.
            ValueError: the key is empty or longer than 200 characters, or a text cannot be stored.
        """
        ...

    async def forget(self, key: str, *, owner: str, at: datetime) -> bool:
        """Remove a current fact but keep its history; return whether it existed."""
        ...

    async def history(self, key: str, *, owner: str) -> list[Fact]:
        """Return every value of a key, newest first."""
        ...

    async def erase_facts(self, keys: Mapping[str, datetime], *, owner: str) -> None:
        """Delete each key's values up to its time, permanently; later ones stay."""
        ...

    async def erase(self, *, owner: str) -> None:
        """Delete the owner's identity, facts and history permanently."""
        ...


class ConversationStore(Protocol):
    """L2: the conversation of a thread, append-only."""

    async def append(self, turn: ConversationTurn, *, owner: str, thread: str) -> bool:
        """Append a turn; return False when its turn id exists."""
        ...

    async def window(self, *, owner: str, thread: str, max_tokens: int) -> list[ConversationTurn]:
        """Read the latest turns, oldest first, whose tokens together fit in `max_tokens`.

        The latest turn is returned even when it alone does not fit. The cost depends on the window, not the
        history.
        """
        ...

    async def opening(self, *, owner: str, thread: str) -> ConversationTurn | None:
        """Read the first turn of the thread."""
        ...


class SessionCache(Protocol):
    """L2.5: cached results of searches and tools, invalidated when the owner's archive changes."""

    async def get(self, key: str, *, owner: str) -> CacheEntry:
        """Return the entry of `key`; a value of another generation is a miss."""
        ...

    async def put(self, key: str, value: bytes, *, owner: str, generation: int, ttl: float) -> None:
        """Store `value` for `ttl` seconds under the `generation` returned by `get`."""
        ...

    async def drop(self, *, owner: str) -> None:
        """Invalidate every entry of the owner."""
        ...
