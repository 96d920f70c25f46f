"""L0 and L1 on a Letta server: an owner's document in one block of one agent."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from memory.models import Fact
from memory.permanent.letta import letta_edit
from memory.permanent.letta.letta_documents import LettaDocuments
from memory.permanent.letta.letta_http import LettaAddress
from memory.permanent.permanent_records import Records
from memory.permanent.store_rules import TokenCap, identifier, identity_text, spelt, value_of_fact
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
        """Read the owner's identity override; None when there is none."""
        identities = (await self._documents.read(owner)).identities()
        return identities[0][0] if identities else None

    async def set_identity(self, text: str | None, *, owner: str) -> None:
        """Write the override; None goes back to the configured persona. Former ones stay in the history.

        Raises:
            ValueError: the text cannot be stored (a lone surrogate).
            MemoryTierError: the history is as long as the server lets it be.
        """
        await self._documents.change(
            owner, letta_edit.set_identity(identity_text(text), to_micros(self._now()))
        )

    async def identity_history(self, *, owner: str) -> list[tuple[str | None, datetime]]:
        """Read every override and when it was written, newest first; None is the configured persona."""
        return (await self._documents.read(owner)).identities()

    async def facts(self, *, owner: str, as_of: datetime | None = None) -> list[Fact]:
        """Read the facts, newest first; with `as_of`, those that stood at that time."""
        until = None if as_of is None else to_micros(as_of)
        document = await self._documents.read(owner)
        return list(document.current) if until is None else document.stood(until)

    async def upsert(self, key: str, value: str, *, owner: str, at: datetime) -> None:
        """Write a fact; the newest `at` of a key wins, of two at once the later write.

        Raises:
            FactsFull: all facts together would pass the token cap, and this one makes it worse.
            BlockFull: the history is as long as the server lets it be; it is a `FactsFull` too.
            ValueError: the key is empty or longer than 200 characters, or a text cannot be stored.
        """
        change = letta_edit.upsert(spelt(key), value_of_fact(value), to_micros(at), self._cap)
        await self._documents.change(owner, change)

    async def forget(self, key: str, *, owner: str, at: datetime) -> bool:
        """Take a fact out of the current ones, keeping its history; return whether it was there.

        Raises:
            ValueError: the key is empty or longer than 200 characters.
        """
        return await self._documents.change(owner, letta_edit.forget(spelt(key), to_micros(at)))

    async def history(self, key: str, *, owner: str) -> list[Fact]:
        """Read every value that a key has had, newest first.

        Raises:
            ValueError: the key is empty or longer than 200 characters.
        """
        name = identifier(key)
        return (await self._documents.read(owner)).history(name)

    async def erase(self, *, owner: str) -> None:
        """Delete the owner's identity, facts and their history, for good, also what cannot be read."""
        await self._documents.erase(owner)

    async def records(self, *, owner: str) -> Records:
        """Read everything that was ever written."""
        return (await self._documents.read(owner)).records()

    async def restore(self, records: Records, *, owner: str) -> Records:
        """Write, in their order and at once, the records that are not there; return those."""
        return await self._documents.change(owner, letta_edit.restore(records))

    async def owners(self) -> list[str]:
        """List the owners that have an agent, sorted.

        Raises:
            TierCorrupt: the memory of one of them cannot be read.
        """
        return await self._documents.owners()

    async def aclose(self) -> None:
        """Close the connections; the next use connects anew."""
        await self._documents.aclose()
