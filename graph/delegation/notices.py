"""Notices about jobs, for the chats in which they were requested, in any front end.

A notice has no text: the text is in the job, and is erased with it. A front end registers where a thread is
shown; notices are queued in its box. Keys:

* `goat:notices:{O}:addresses`   hash of threads to their address, as JSON, with `O` the digest of the owner
* `goat:notices:{BOX}:waiting`   list of notices, as JSON, with `BOX` the digest of the front end's name
* `goat:notices:{BOX}:number`    counts the notices of a box
* `goat:notices:{BOX}:told:ID`   set of the names of a job's notices, so that each is queued once
"""

import json
from dataclasses import asdict, dataclass
from typing import Any

from graph.delegation.job import Job
from memory.text.text import digest
from memory.working.redis_connection import GetRedis, run_script, translate_errors

ENDED = "end"
"""Name of the notice that a job has ended; all others are about its progress."""
ADDRESS_SECONDS = 90 * 24 * 60 * 60
_WAITING_SECONDS = 30 * 24 * 60 * 60
_PUT = """
local waiting, number, told = KEYS[1], KEYS[2], KEYS[3]
local name, rest, kept = ARGV[1], ARGV[2], ARGV[3]
if redis.call('SADD', told, name) == 0 then return 0 end
redis.call('EXPIRE', told, kept)
redis.call('RPUSH', waiting, '{"number": ' .. redis.call('INCR', number) .. ', ' .. rest)
redis.call('EXPIRE', waiting, kept)
return 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    box: str
    """The front end: "telegram:<bot>", or "terminal:<owner>"."""
    place: str = ""
    """The place in the front end, such as a chat's lane."""
    language: str = ""
    """The person's language, from the front end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notice that a job has ended or made progress."""

    number: int
    """Counts the notices of the front end."""
    job: str
    owner: str
    name: str
    """`ENDED`, or the name of a milestone."""
    place: str
    language: str
    raw: bytes = b""
    """The notice as stored in the box."""

    @property
    def is_end(self) -> bool:
        return self.name == ENDED


@dataclass(frozen=True, slots=True)
class Notices:
    """The front ends' boxes of notices. Every method raises `TierUnavailable` without Redis."""

    client: GetRedis

    @translate_errors()
    async def register(self, thread: str, address: Address, *, owner: str) -> None:
        """Store the address where an owner's thread is shown."""
        client, key = await self.client(), _key(owner, "addresses")
        async with client.pipeline(transaction=True) as pipeline:
            pipeline.hset(key, thread, json.dumps(asdict(address)))
            pipeline.expire(key, ADDRESS_SECONDS)
            await pipeline.execute()

    @translate_errors()
    async def put(self, job: Job, name: str) -> bool:
        """Queue a notice for the job's thread, once per name; False if queued before or without address."""
        found: Any = await (await self.client()).hget(_key(job.owner, "addresses"), job.thread)
        if found is None:
            return False
        address = Address(**json.loads(found))
        rest = {"job": job.job_id, "owner": job.owner, "name": name}
        rest |= {"place": address.place, "language": address.language}
        keys = [_key(address.box, kind) for kind in ("waiting", "number", f"told:{job.job_id}")]
        return bool(await run_script(self.client, _PUT, keys, name, json.dumps(rest)[1:], _WAITING_SECONDS))

    @translate_errors()
    async def first(self, box: str) -> Notice | None:
        """Return the oldest notice of a box without removing it."""
        raw: Any = await (await self.client()).lindex(_key(box, "waiting"), 0)
        return None if raw is None else read_notice(raw)

    @translate_errors()
    async def remove(self, box: str, notice: Notice) -> bool:
        """Remove a notice; return False when it was removed before."""
        client = await self.client()
        return bool(await client.lrem(_key(box, "waiting"), 1, notice.raw.decode()))

    @translate_errors()
    async def erase(self, *, owner: str) -> None:
        """Delete the addresses of the owner's threads."""
        await (await self.client()).unlink(_key(owner, "addresses"))


def read_notice(raw: bytes) -> Notice:
    fields = json.loads(raw)
    names = ("number", "job", "owner", "name", "place", "language")
    return Notice(**{name: fields[name] for name in names}, raw=raw)


def _key(whose: str, kind: str) -> str:
    """Return a key of an owner or of a box."""
    return f"goat:notices:{{{digest(whose)}}}:{kind}"
