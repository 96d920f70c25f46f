"""Access to every owner's tables, in files or on a server, and the names of these."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from typing import Protocol, TypeVar

from memory.database import Work

T = TypeVar("T")


def owner_key(owner: str) -> str:
    """Return a readable, unique and file-safe name for the owner."""
    plain = unicodedata.normalize("NFKD", owner).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:32].strip("-") or "owner"
    return f"{slug}-{hashlib.sha256(encode_owner(owner)).hexdigest()[:24]}"


def encode_owner(owner: str) -> bytes:
    return owner.encode("utf-8", "surrogatepass")


class OwnerTables(Protocol):
    """Runs SQL on the tables of one owner at a time; usable from any event loop, and again after `close`.

    Every method raises `TierUnavailable` when the database cannot be used, and `TierCorrupt` when what it
    holds cannot be read.
    """

    async def read(self, owner: str, tier: str, work: Work[T]) -> T:
        """Run `work` on a read-only snapshot, without waiting for writers."""
        ...

    async def write(self, owner: str, tier: str, work: Work[T]) -> T:
        """Run `work` in one transaction, which is durable when this returns; one per owner at a time."""
        ...

    async def read_apart(self, owner: str, tier: str, work: Work[T]) -> T:
        """Run long work as `read` does, with rows that arrive as they are read; nothing waits for it."""
        ...

    async def scrub(self, owner: str, tier: str) -> None:
        """Remove deleted data from what the database writes next to its tables, as far as readers allow."""
        ...

    @property
    def remains(self) -> str:
        """Return where deleted rows remain on a disk after `scrub`, and what to do; "" for nowhere."""
        ...

    async def owners(self) -> list[str]:
        """Return the owners that have tables, sorted."""
        ...

    async def unreadable(self) -> list[str]:
        """Return the paths of files that `owners` leaves out because they cannot be read."""
        ...

    async def size(self, owner: str) -> int:
        """Return how many bytes the owner's tables take."""
        ...

    async def tables_with(self, owner: str, texts: Sequence[str]) -> list[str]:
        """Return the tables on a server that hold one of the texts; files can be searched byte by byte."""
        ...

    async def erase(self, owner: str) -> None:
        """Delete the owner's tables with the data of every tier."""
        ...

    async def close(self) -> None: ...
