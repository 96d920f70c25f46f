"""All keys of a Redis, of any version and layout: read, or copied to another one and compared."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from redis.asyncio import Redis

from memory.errors import TierUnavailable
from memory.working.redis_connection import RedisConnection, translate_errors

_PAGE: Final = 100
_READ: Final[Mapping[bytes, Callable[[Any, bytes], Awaitable[Any]]]] = {
    b"string": lambda redis, key: redis.get(key),
    b"hash": lambda redis, key: redis.hgetall(key),
    b"list": lambda redis, key: redis.lrange(key, 0, -1),
    b"set": lambda redis, key: redis.smembers(key),
    b"zset": lambda redis, key: redis.zrange(key, 0, -1, withscores=True),
}
_WRITE: Final[Mapping[bytes, Callable[[Any, bytes, Any], Any]]] = {
    b"string": lambda redis, key, value: redis.set(key, value),
    b"hash": lambda redis, key, value: redis.hset(key, mapping=value),
    b"list": lambda redis, key, value: redis.rpush(key, *value),
    b"set": lambda redis, key, value: redis.sadd(key, *value),
    b"zset": lambda redis, key, value: redis.zadd(key, dict(value)),
}


@dataclass(frozen=True, slots=True)
class _Entry:
    """A key's content."""

    kind: bytes
    value: Any
    milliseconds: int = field(compare=False)
    """Until it expires; negative: never."""


async def read_all(connection: RedisConnection) -> AsyncIterator[tuple[bytes, Any]]:
    """Yield every key of GOAT with its content.

    Raises:
        TierUnavailable: the server failed.
    """
    async with translate_errors():
        client = await connection.client()
        async for keys in _pages(client):
            for key, entry in (await _entries(client, keys)).items():
                yield key, entry.value


@translate_errors()
async def copy_keys(source: RedisConnection, target: RedisConnection, *, replace: bool = False) -> int:
    """Copy all keys of GOAT; those that are there already with the same content are left out.

    Args:
        source: the server to read; its keys stay.
        target: the server to write.
        replace: overwrite keys with other content, and delete those that the source lacks.

    Returns:
        The number of keys in the source.

    Raises:
        TierUnavailable: a server failed, has other keys or other content and `replace` is not set, or does
            not give back what was written.
    """
    one, other = await source.client(), await target.client()
    await _drop_others(one, other, replace=replace)
    count = 0
    async for keys in _pages(one):
        wanted = await _entries(one, keys)
        there = await _entries(other, list(wanted))
        differing = {key for key in there if there[key] != wanted[key]}
        if differing and not replace:
            raise _other_data(differing)
        await _write(other, {key: wanted[key] for key in wanted if key not in there or key in differing})
        back = await _entries(other, list(wanted))
        expired = {key for key in wanted if key not in back and wanted[key].milliseconds >= 0}
        if wrong := {key for key in wanted.keys() - expired if back.get(key) != wanted[key]}:
            raise TierUnavailable("working", f"what was copied to {_named(wrong)} does not read back")
        count += len(wanted)
    return count


async def _drop_others(source: Redis, target: Redis, *, replace: bool) -> None:
    """Delete keys that only the target has: what was erased in the source must not come back there."""
    async for keys in _pages(target):
        others = [key for key in keys if not await source.exists(key)]
        if others and not replace:
            raise _other_data(others)
        for key in others:
            await target.delete(key)


def _other_data(keys: Collection[bytes]) -> TierUnavailable:
    return TierUnavailable("working", f"the target has other data under {_named(keys)}; --replace deletes it")


def _named(keys: Collection[bytes]) -> str:
    return repr(min(keys).decode("utf-8", "replace"))


async def _pages(client: Redis) -> AsyncIterator[list[bytes]]:
    page: list[bytes] = []
    async for key in client.scan_iter(match="goat:*", count=1000):
        page.append(key)
        if len(page) == _PAGE:
            yield page
            page = []
    yield page


async def _entries(client: Redis, keys: Sequence[bytes]) -> dict[bytes, _Entry]:
    """Read the keys that exist."""
    found = {}
    for key in keys:
        kind: Any = await client.type(key)
        value = await _READ[kind](client, key) if kind in _READ else None
        if value or value == b"":
            found[key] = _Entry(kind, value, await client.pttl(key))
    return found


async def _write(client: Redis, entries: Mapping[bytes, _Entry]) -> None:
    for key, entry in entries.items():
        await client.delete(key)
        await _WRITE[entry.kind](client, key, entry.value)
        if entry.milliseconds >= 0:
            await client.pexpire(key, max(1, entry.milliseconds))
