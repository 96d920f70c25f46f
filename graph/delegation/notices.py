"""Word of a job for the chat that it was given in, whatever front end that is.

A notice holds no text: what there is to say stands in the job, and goes with it. A front end registers where
a thread is shown; notices wait in its box until it takes them. Keys:

* `goat:notices:{O}:addresses`   hash of threads to their address, as JSON, with `O` the digest of the owner
* `goat:notices:{BOX}:waiting`   list of notices, as JSON, with `BOX` the digest of the front end's name
* `goat:notices:{BOX}:number`    counts the notices of a box
* `goat:notices:{BOX}:told:ID`   set of the names of a job's notices, so that each is put there once
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from graph.delegation.job import Job
from memory.text.digest import digest
from memory.working.redis_connection import translate_errors

if TYPE_CHECKING:
    from redis.asyncio import Redis

ENDED = "end"
"""The name of the notice that a job is at its end; all others are of its progress."""
ADDRESS_SECONDS = 90 * 24 * 60 * 60
_WAITING_SECONDS = 30 * 24 * 60 * 60
_PUT = """
local waiting, number, told = KEYS[1], KEYS[2], KEYS[3]
local name, before, after, kept = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if redis.call('SADD', told, name) == 0 then return 0 end
redis.call('EXPIRE', told, kept)
redis.call('RPUSH', waiting, before .. redis.call('INCR', number) .. after)
redis.call('EXPIRE', waiting, kept)
return 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a thread is shown."""

    box: str
    """The front end: "telegram:<bot>", or "terminal:<owner>"."""
    place: str = ""
    """Where in it, such as the lane of a chat."""
    language: str = ""
    """Of the person, as the front end knows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """There is something to say of a job."""

    number: int
    """Counts the notices of the front end."""
    job: str
    owner: str
    name: str
    """What it is about: `ENDED`, or something that the job reached."""
    place: str
    language: str
    raw: bytes = b""
    """As it stands in the box."""

    @property
    def is_end(self) -> bool:
        """Tell whether the job is at its end."""
        return self.name == ENDED


@dataclass(frozen=True, slots=True)
class Notices:
    """Put notices into boxes, and take them out. Every method raises `TierUnavailable` without Redis."""

    client: Callable[[], Awaitable["Redis"]]

    @translate_errors()
    async def register(self, thread: str, address: Address, *, owner: str) -> None:
        """Note where a thread of the owner's is shown from now on."""
        client, key = await self.client(), _addresses(owner)
        async with client.pipeline(transaction=True) as pipeline:
            pipeline.hset(key, thread, json.dumps(asdict(address)))
            pipeline.expire(key, ADDRESS_SECONDS)
            await pipeline.execute()

    @translate_errors()
    async def put(self, job: Job, name: str) -> bool:
        """Leave word of a job where its thread is shown, once for each name; False when there is no place."""
        client = await self.client()
        found: Any = await client.hget(_addresses(job.owner), job.thread)
        if found is None:
            return False
        address = Address(**json.loads(found))
        before, after = _halves(job, name, address)
        keys = [*_box_keys(address.box), f"{_box(address.box)}:told:{job.id}"]
        put = client.register_script(_PUT)
        return bool(await put(keys=keys, args=[name, before, after, _WAITING_SECONDS]))

    @translate_errors()
    async def first(self, box: str) -> Notice | None:
        """Return the notice that has waited longest in a box, and leave it there."""
        raw: Any = await (await self.client()).lindex(_box_keys(box)[0], 0)
        return None if raw is None else read_notice(raw)

    @translate_errors()
    async def taken(self, box: str, notice: Notice) -> bool:
        """Take a notice out; return False when somebody else has."""
        client = await self.client()
        return bool(await client.lrem(_box_keys(box)[0], 1, notice.raw.decode()))

    @translate_errors()
    async def erase(self, *, owner: str) -> None:
        """Forget where the owner's threads are shown."""
        await (await self.client()).unlink(_addresses(owner))


def read_notice(raw: bytes) -> Notice:
    """Read what stands in a box."""
    fields = json.loads(raw)
    return Notice(**{name: fields[name] for name in _FIELDS}, raw=raw)


_FIELDS: Sequence[str] = ("number", "job", "owner", "name", "place", "language")


def _halves(job: Job, name: str, address: Address) -> tuple[str, str]:
    """Return a notice as JSON, in front of its number and behind it."""
    rest = {"job": job.id, "owner": job.owner, "name": name}
    rest |= {"place": address.place, "language": address.language}
    return '{"number": ', f", {json.dumps(rest)[1:]}"


def _addresses(owner: str) -> str:
    return f"goat:notices:{{{digest(owner)}}}:addresses"


def _box(name: str) -> str:
    return f"goat:notices:{{{digest(name)}}}"


def _box_keys(name: str) -> list[str]:
    return [f"{_box(name)}:waiting", f"{_box(name)}:number"]
