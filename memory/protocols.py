"""Interfaces of the memory stores.

Every method that takes an `owner` reads and writes that owner's memory only. Every method raises
`TierUnavailable` when its backend cannot be reached, and `TierCorrupt` when its answer cannot be read.
Implementations do no I/O when they are constructed: they connect on first use.
"""

from collections.abc import Sequence
from typing import Protocol

from memory.models import ConversationTurn
from memory.recall.fusion_weights import BALANCED, FusionWeights
from memory.recall.mechanisms import Retriever
from memory.results import SearchResult


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
