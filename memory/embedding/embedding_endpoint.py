"""An embedding model behind an OpenAI-compatible endpoint, with its client imported on first use."""

import asyncio
import math
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from memory.embedding.embedding_model import TIER, Endpoint
from memory.embedding.text_windows import Span, split_offsets
from memory.errors import TierCorrupt
from memory.text.text import clean

if TYPE_CHECKING:
    from memory.embedding.openai_client import OpenAIClient

PART = 2000  # bytes of UTF-8: an upper bound of the tokens, about four times their number in most languages


class EndpointEmbeddings:
    """Embeddings from an endpoint; queries and documents are treated alike."""

    remote = True

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._opened: OpenAIClient | None = None
        self._dimension: int | None = None

    @property
    def name(self) -> str:
        """The model's name without the server, because any server makes the same vectors with it."""
        return f"endpoint:{self._endpoint.model}"

    @property
    def dimension(self) -> int | None:
        """Length of a vector; None before the first."""
        return self._dimension

    def split_offsets(self, text: str) -> list[Span]:
        """Cover `text` with overlapping half-open spans of at most `PART` bytes."""
        return split_offsets(text, capacity=PART, measure=_bytes)

    def embed_query(self, text: str) -> list[float]:
        """Embed a query, blocking."""
        return self._check(self._client().embed([_truncate(text)]), 1)[0]

    async def aembed_query(self, text: str) -> list[float]:
        """Embed a query."""
        return (await self.aembed_documents([text]))[0]

    async def aembed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        """Embed documents, in order."""
        await self.ready()
        vectors = await self._client().aembed([_truncate(text) for text in texts])
        return self._check(vectors, len(texts))

    async def ready(self) -> None:
        """Import the client off the event loop."""
        if self._opened is None:
            await asyncio.to_thread(self._client)

    async def aclose(self) -> None:
        """Close the connections."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.aclose()

    def _client(self) -> "OpenAIClient":
        with self._lock:
            if self._opened is None:
                from memory.embedding.openai_client import OpenAIClient  # noqa: PLC0415 - takes a second

                self._opened = OpenAIClient(self._endpoint)
            return self._opened

    def _check(self, vectors: list[list[float]], expected: int) -> list[list[float]]:
        sizes = {len(vector) for vector in vectors} | ({self._dimension} if self._dimension else set())
        if len(vectors) != expected or len(sizes) > 1 or not all(map(_usable, vectors)):
            got = f"{len(vectors)} vectors of sizes {sorted(sizes)}"
            raise TierCorrupt(TIER, f"{self._endpoint} answered {got} to {expected} texts")
        if sizes:
            self._dimension = sizes.pop()
        return vectors


def _usable(vector: Sequence[float]) -> bool:
    length = math.hypot(*vector)
    return math.isfinite(length) and length > 0


def _bytes(words: Sequence[str]) -> list[int]:
    return [len(word.encode("utf-8", "replace")) for word in words]


def _truncate(text: str) -> str:
    """Clean and truncate `text`; return "-" if nothing is left, because endpoints reject empty texts."""
    return clean(text[:PART]).strip() or "-"
