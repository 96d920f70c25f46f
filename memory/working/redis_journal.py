"""Journal of the turns that are being answered, on plain Redis commands.

Key: `goat:journal:{O}`, with `O` the digest of the owner: a hash of turn id to the turn as far as it got. An
entry stays until its turn is archived.
"""

import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import cache

from pydantic import TypeAdapter, ValidationError

from memory.models import Episode
from memory.text.text import digest
from memory.working.redis_connection import REPLACE_FIELD, GetRedis, run_script, translate_errors

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """A turn that is being answered."""

    episode: Episode
    """With the reply so far."""
    evidence: Sequence[str] = ()
    """One line for each tool call so far."""


@dataclass(frozen=True, slots=True)
class RedisJournal:
    """Unfinished turns in Redis 6.2 or later, or Valkey."""

    client: GetRedis

    @translate_errors()
    async def add(self, entry: JournalEntry) -> None:
        """Add or replace a turn's entry."""
        client = await self.client()
        await client.hset(_key(entry.episode.owner), entry.episode.turn_id, _entries().dump_json(entry))

    async def update(self, entry: JournalEntry) -> bool:
        """Replace a turn's entry; return False when there is none."""
        keys, value = [_key(entry.episode.owner)], _entries().dump_json(entry)
        return bool(await run_script(self.client, REPLACE_FIELD, keys, entry.episode.turn_id, value))

    @translate_errors()
    async def remove(self, turn_id: str, *, owner: str) -> None:
        """Remove a turn's entry, if there is one."""
        await (await self.client()).hdel(_key(owner), turn_id)

    @translate_errors()
    async def of_owner(self, owner: str) -> list[JournalEntry]:
        """Return the owner's entries, oldest first."""
        return _sorted(await (await self.client()).hvals(_key(owner)))

    async def all(self) -> AsyncIterator[JournalEntry]:
        """Iterate over all owners' entries; scans every key of the server."""
        async with translate_errors():
            client = await self.client()
            keys = [key async for key in client.scan_iter(match="goat:journal:*", count=1000)]
            found = [await client.hvals(key) for key in keys]
        for values in found:
            for entry in _sorted(values):
                yield entry

    @translate_errors()
    async def erase(self, *, owner: str) -> None:
        await (await self.client()).unlink(_key(owner))


def _key(owner: str) -> str:
    return f"goat:journal:{{{digest(owner)}}}"


@cache
def _entries() -> TypeAdapter[JournalEntry]:
    return TypeAdapter(JournalEntry)


def _sorted(values: Sequence[bytes | str]) -> list[JournalEntry]:
    """Read entries, oldest first, with a warning about each that cannot be read."""
    found = list[JournalEntry]()
    for value in values:
        try:
            found.append(_entries().validate_json(value))
        except ValidationError:
            logger.warning("Left out an unfinished turn: what is stored of it cannot be read")
    return sorted(found, key=lambda entry: entry.episode.at)
