"""The permanent store that the configuration names, chosen when it is used."""

from collections.abc import Callable
from datetime import datetime

from memory.models import Fact
from memory.permanent.records import RecordedStore, Records


class ChosenPermanentStore:
    """Hand everything to the store that `choose` returns at that moment."""

    def __init__(self, choose: Callable[[], RecordedStore]) -> None:
        self._choose = choose

    async def identity(self, *, owner: str) -> str | None:
        """Read the owner's identity override; None when there is none."""
        return await self._choose().identity(owner=owner)

    async def set_identity(self, text: str | None, *, owner: str) -> None:
        """Write the override; None goes back to the configured persona."""
        await self._choose().set_identity(text, owner=owner)

    async def identity_history(self, *, owner: str) -> list[tuple[str | None, datetime]]:
        """Read every override and when it was written, newest first."""
        return await self._choose().identity_history(owner=owner)

    async def facts(self, *, owner: str, as_of: datetime | None = None) -> list[Fact]:
        """Read the facts, newest first; with `as_of`, those that stood at that time."""
        return await self._choose().facts(owner=owner, as_of=as_of)

    async def upsert(self, key: str, value: str, *, owner: str, at: datetime) -> None:
        """Write a fact; the newest `at` of a key wins."""
        await self._choose().upsert(key, value, owner=owner, at=at)

    async def forget(self, key: str, *, owner: str, at: datetime) -> bool:
        """Take a fact out of the current ones, keeping its history; return whether it was there."""
        return await self._choose().forget(key, owner=owner, at=at)

    async def history(self, key: str, *, owner: str) -> list[Fact]:
        """Read every value that a key has had, newest first."""
        return await self._choose().history(key, owner=owner)

    async def erase(self, *, owner: str) -> None:
        """Delete the owner's identity, facts and their history, for good."""
        await self._choose().erase(owner=owner)

    async def records(self, *, owner: str) -> Records:
        """Read everything that was ever written."""
        return await self._choose().records(owner=owner)

    async def restore(self, records: Records, *, owner: str) -> Records:
        """Write, in their order and at once, the records that are not there; return those."""
        return await self._choose().restore(records, owner=owner)

    async def owners(self) -> list[str]:
        """List the owners that something may be kept of, sorted."""
        return await self._choose().owners()
