"""What an embedding model promises, wherever it runs."""

from collections.abc import Sequence
from typing import Protocol


class EmbeddingModel(Protocol):
    """Text to vectors; making one does no I/O and loads nothing.

    Any text can be embedded, also an empty one; of one that is too long the beginning counts. What embeds
    raises `TierUnavailable` when the model cannot be reached, `TierCorrupt` when it answers nonsense, and
    `DataFolderError` when the model's own files cannot be made.
    """

    @property
    def name(self) -> str:
        """Tells this model's vectors from any other's."""

    @property
    def dimension(self) -> int | None:
        """Tell how long a vector is; None until that is known."""

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
