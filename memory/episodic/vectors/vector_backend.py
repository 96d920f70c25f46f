"""What a vector database does for the archive, and the values that go in and out of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pydantic import SecretStr

Vector = Sequence[float]
TIER = "episodic"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChromaLocation:
    """Where the vectors stand: a server when `url` is given, else a folder of this machine."""

    folder: Path
    url: SecretStr = field(default_factory=lambda: SecretStr(""))
    """`http(s)://[token@]host:port`; the token is sent as `Authorization: Bearer`."""
    timeout: float = 10.0
    """Seconds that the server has for an answer."""

    @property
    def local(self) -> bool:
        return not self.url.get_secret_value()

    def __str__(self) -> str:
        """Name it without the token."""
        scheme, _, rest = self.url.get_secret_value().rpartition("://")
        return f"{scheme}://{rest.rpartition('@')[2]}" if rest else str(self.folder)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A span of an episode's text, half-open and in characters, that has a vector of its own."""

    turn_id: str
    number: int
    start: int
    end: int

    @property
    def record_id(self) -> str:
        return f"{self.turn_id}#{self.number}"


@dataclass(frozen=True, slots=True)
class Found:
    """A part that a search found."""

    turn_id: str
    score: float
    """Cosine similarity."""


class VectorBackend(Protocol):
    """What a vector database does, each call blocking; a collection that is not there reads as empty."""

    def upsert(
        self, collection: str, parts: Sequence[Chunk], vectors: Sequence[Vector], about: dict[str, str | int]
    ) -> None: ...
    def search(self, collection: str, vector: Vector, limit: int) -> list[Found]: ...
    def count(self, collection: str) -> int: ...
    def forget(self, collection: str, turn_ids: Sequence[str]) -> None: ...
    def drop(self, collection: str) -> None: ...
    def catch_up(self, collection: str) -> None: ...
    def close(self) -> None: ...
