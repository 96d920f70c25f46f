"""The interface of a vector database, and its values."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pydantic import SecretStr

Vector = Sequence[float]
TIER = "episodic"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChromaLocation:
    """Location of the vectors: a server when `url` is set, else a local folder."""

    folder: Path
    url: SecretStr = field(default_factory=lambda: SecretStr(""))
    """`http(s)://[token@]host:port[/tenant/database]`; the token goes into both headers that Chroma knows."""
    timeout: float = 10.0
    """Request timeout in seconds."""

    @property
    def local(self) -> bool:
        return not self.url.get_secret_value()

    def __str__(self) -> str:
        """Return the location without the token."""
        scheme, _, rest = self.url.get_secret_value().rpartition("://")
        return f"{scheme}://{rest.rpartition('@')[2]}" if rest else str(self.folder)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A half-open span, in characters, of an episode's text with a vector of its own."""

    turn_id: str
    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Found:
    """A part found by a search."""

    turn_id: str
    score: float
    """Cosine similarity."""


class VectorBackend(Protocol):
    """Blocking calls of a vector database; a missing collection reads as empty."""

    def upsert(
        self, collection: str, parts: Sequence[Chunk], vectors: Sequence[Vector], about: dict[str, str | int]
    ) -> None: ...
    def search(self, collection: str, vector: Vector, limit: int) -> list[Found]: ...
    def count(self, collection: str) -> int: ...
    def forget(self, collection: str, turn_ids: Sequence[str]) -> None: ...
    def drop(self, collection: str) -> None: ...
    def catch_up(self, collection: str) -> None: ...
    def names(self) -> set[str]: ...
    def close(self) -> None: ...
