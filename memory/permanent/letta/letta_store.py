"""L0 and L1 on a Letta server: an owner's document in one block of one agent."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from memory.models import Fact
from memory.permanent.letta import letta_edit
from memory.permanent.letta.letta_documents import LettaDocuments
from memory.permanent.letta.letta_http import LettaAddress
from memory.permanent.permanent_records import Records
from memory.permanent.store_rules import TokenCap, check_identity, check_value, identifier, normalize_key
from memory.text.columns import to_micros

__all__ = ["LettaAddress", "LettaPermanentStore"]


def _now() -> datetime:
    return datetime.now(UTC)


class LettaPermanentStore:
    """`PermanentStore` on a Letta server; usable from any event loop, and again after `aclose`.

    Args:
        address: where the server is.
        count_tokens: how many tokens a text takes in the prompt; called on a thread.
        max_tokens: how many all current facts, as `key: value` lines, may take together.
        lock_folder: where writers of this machine wait for each other, each behind a file of its owner's.
        now: the clock for identity overrides.
    """

    def __init__(
        self,
        address: LettaAddress,
        *,
        count_tokens: Callable[[str], int],
        max_tokens: int,
        lock_folder: Path,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._documents = LettaDocuments(address, lock_folder)
        self._cap = TokenCap(count_tokens, max_tokens)
        self._now = now

    async def identity(self, *, owner: str) -> str | None:
        """Return the owner's identity override, or None."""
        identities = (await self._documents.read(owner)).identities()
        return identities[0][0] if identities else None

    async def set_identity(self, text: str | None, *, owner: str) -> None:
        """Set the override; None restores the configured persona. Earlier overrides stay in the history.

        Raises:
            ValueError: the text has a lone surrogate.
            MemoryTierError: the history has reached the server's limit.
        """
        await self._documents.change(
            owner, letta_edit.set_identity(check_identity(text), to_micros(self._now()))
        )

    async def identity_history(self, *, owner: str) -> list[tuple[str | None, datetime]]:
        """Return every override with its time, newest first; None is the configured persona."""
        return (await self._documents.read(owner)).identities()

    async def facts(self, *, owner: str, as_of: datetime | None = None) -> list[Fact]:
        """Return the facts, newest first; with `as_of`, the facts of that time."""
        until = None if as_of is None else to_micros(as_of)
        document = await self._documents.read(owner)
        return list(document.current) if until is None else document.facts_at(until)

    async def upsert(self, key: str, value: str, *, owner: str, at: datetime) -> None:
        """Write a fact; the newest `at` of a key wins, and among equals the later write.

        Raises:
            FactsFull: the facts would exceed the token cap, and this write makes them longer.
            BlockFull: the history has reached the server's limit; a subclass of `FactsFull`.
            ValueError: the key is empty or longer than 200 characters, or a text cannot be stored.
        """
        change = letta_edit.upsert(normalize_key(key), check_value(value), to_micros(at), self._cap)
        await self._documents.change(owner, change)

    async def forget(self, key: str, *, owner: str, at: datetime) -> bool:
        """Remove a current fact but keep its history; return whether it existed.

        Raises:
            ValueError: the key is empty or longer than 200 characters.
        """
        return await self._documents.change(owner, letta_edit.forget(normalize_key(key), to_micros(at)))

    async def history(self, key: str, *, owner: str) -> list[Fact]:
        """Return every value of a key, newest first.

        Raises:
            ValueError: the key is empty or longer than 200 characters.
        """
        name = identifier(key)
        return (await self._documents.read(owner)).history(name)

    async def erase(self, *, owner: str) -> None:
        """Delete the owner's identity, facts and history permanently, even if they are unreadable."""
        await self._documents.erase(owner)

    async def records(self, *, owner: str) -> Records:
        """Return every record ever written."""
        return (await self._documents.read(owner)).records()

    async def restore(self, records: Records, *, owner: str) -> Records:
        """Append missing records in order, in one write; return them."""
        return await self._documents.change(owner, letta_edit.restore(records))

    async def owners(self) -> list[str]:
        """Return the owners that have an agent, sorted.

        Raises:
            TierCorrupt: an owner's memory cannot be read.
        """
        return await self._documents.owners()

    async def aclose(self) -> None:
        """Close the connections; the next use reconnects."""
        await self._documents.aclose()
