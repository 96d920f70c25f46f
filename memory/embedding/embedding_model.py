"""What an embedding model promises, wherever it runs, and where one is that is reached over a network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from pydantic import SecretStr

TIER = "episodic"
TIMEOUT = 20.0  # seconds


class EmbeddingModel(Protocol):
    """Text to vectors; making one does no I/O and loads nothing.

    Any text can be embedded, also an empty one; of one that is too long the beginning counts. What embeds
    raises `TierUnavailable` when the model cannot be reached or its own files cannot be made or loaded, and
    `TierCorrupt` when it answers nonsense.
    """

    @property
    def name(self) -> str:
        """Tells this model's vectors from any other's."""

    @property
    def dimension(self) -> int | None:
        """Tell how long a vector is; None until that is known."""

    @property
    def remote(self) -> bool:
        """Tell whether it is reached over a network: then it may hang, and embeds queries as documents."""

    def split_offsets(self, text: str) -> list[tuple[int, int]]:
        """Cover `text` with overlapping half-open spans of characters that each fit; may be slow."""
        ...

    def embed_query(self, text: str) -> list[float]:
        """Embed what is searched for, blocking."""
        ...

    async def aembed_query(self, text: str) -> list[float]:
        """Embed what is searched for."""
        ...

    async def aembed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        """Embed what is searched through, in the order given."""
        ...

    async def ready(self) -> None:
        """Load what the first text would otherwise wait for."""
        ...

    async def aclose(self) -> None:
        """Release threads and connections."""
        ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the model is; shown without the key.

    Attributes:
        timeout: seconds.
    """

    model: str
    base_url: str
    api_key: SecretStr
    timeout: float = TIMEOUT

    def __str__(self) -> str:
        host = urlsplit(self.base_url).netloc.rpartition("@")[2] if self.base_url else "api.openai.com"
        return f"the embedding endpoint {host or 'without a host name'}"
