"""The interface of an embedding model, and the address of a remote one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from pydantic import SecretStr

TIER = "episodic"
TIMEOUT = 20.0  # seconds


class EmbeddingModel(Protocol):
    """An embedding model; constructing one loads nothing and does no I/O.

    Any text can be embedded, even an empty one; a text that is too long is truncated. Embedding raises
    `TierUnavailable` when the model cannot be reached, built or loaded, and `TierCorrupt` for an invalid
    answer.
    """

    @property
    def name(self) -> str:
        """Id of the model's vectors; vectors with different names are not comparable."""

    @property
    def dimension(self) -> int | None:
        """Length of a vector; None if not yet known."""

    @property
    def remote(self) -> bool:
        """True when the model is reached over a network: it may hang, and treats queries as documents."""

    def split_offsets(self, text: str) -> list[tuple[int, int]]:
        """Cover `text` with overlapping half-open spans of characters that each fit; may be slow."""
        ...

    async def aembed_query(self, text: str) -> list[float]: ...

    async def aembed_documents(self, texts: Sequence[str]) -> list[list[float]]: ...

    async def ready(self) -> None:
        """Load everything that the first text needs."""
        ...

    async def aclose(self) -> None:
        """Release threads and connections."""
        ...


@dataclass(frozen=True, slots=True)
class EmbeddingEndpoint:
    """Address of the model; its text form omits the key.

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
