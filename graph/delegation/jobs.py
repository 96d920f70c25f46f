"""The registry of jobs, on plain Redis commands.

Keys, all but the last in the owner's hash slot, with `O` the digest of the owner:

* `goat:job:{O}:ID`            hash: the job
* `goat:job:{O}:ID:progress`   list of its milestones, as JSON
* `goat:job:{O}:ID:told`       set of its milestones' names, so that each is added once
* `goat:job:{O}:open`          set of the ids of jobs that have not ended
* `goat:job:{O}:all`           sorted set of the latest ids, by creation time
* `goat:jobs:open`             sorted set of `O:ID` of the jobs that need work, by creation time

A job is listed in the last key before it is stored, and removed after its completion.
"""

import json
import logging
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from graph.delegation.job import Job, Milestone, Status, from_fields, to_fields
from graph.delegation.state import Spent
from memory.text.text import digest
from memory.working.redis_connection import GetRedis, run_script, translate_errors

_IS_OPEN = """
local status = redis.call('HGET', KEYS[1], 'status')
if status ~= 'queued' and status ~= 'running' then return 0 end
"""
START = """
local job, open, all = KEYS[1], KEYS[2], KEYS[3]
local id, now, most, kept = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if redis.call('EXISTS', job) == 1 then return 0 end
if redis.call('SCARD', open) >= most then return -1 end
for i = 5, #ARGV, 2 do redis.call('HSET', job, ARGV[i], ARGV[i + 1]) end
redis.call('SADD', open, id)
redis.call('ZADD', all, now, id)
redis.call('ZREMRANGEBYRANK', all, 0, -1 - kept)
return 1
"""
BEGIN = (
    _IS_OPEN
    + """
redis.call('HSET', KEYS[1], 'status', 'running')
return redis.call('HINCRBY', KEYS[1], 'begun', 1)
"""
)
UNDO_BEGIN = _IS_OPEN + "return redis.call('HINCRBY', KEYS[1], 'begun', -1)"
STOP = _IS_OPEN + "redis.call('HSET', KEYS[1], 'stop', 1) return 1"
BEAT = (
    _IS_OPEN
    + """
redis.call('HINCRBYFLOAT', KEYS[1], 'seconds', ARGV[1])
return 1 - redis.call('HEXISTS', KEYS[1], 'stop')
"""
)
NOTE = _IS_OPEN + "redis.call('HSET', KEYS[1], 'calls', ARGV[1], 'tools', ARGV[2]) return 1"
COUNT_FAILURE = _IS_OPEN + "return redis.call('HINCRBY', KEYS[1], 'tries', 1)"
ADD_PROGRESS = (
    _IS_OPEN
    + """
if redis.call('SADD', KEYS[3], ARGV[1]) == 0 then return 0 end
return redis.call('RPUSH', KEYS[2], ARGV[2])
"""
)
END = (
    _IS_OPEN
    + """
local id, kept = ARGV[1], ARGV[2]
for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
for i = 1, 3 do redis.call('EXPIRE', KEYS[i], kept) end
redis.call('SREM', KEYS[4], id)
return 1
"""
)

KEPT_SECONDS = 30 * 24 * 60 * 60
"""Time that a job is stored after its end."""
MOST_KEPT = 200
"""Jobs of an owner that are listed."""
_OPEN = "goat:jobs:open"
_GRACE_SECONDS = 60.0
"""Time allowed between listing a job and storing it."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ref:
    digest: str
    """Digest of the owner."""
    id: str

    def key(self, *parts: str) -> str:
        return ":".join([f"goat:job:{{{self.digest}}}", self.id, *parts])

    @property
    def keys(self) -> list[str]:
        return [self.key(), self.key("progress"), self.key("told")]

    @property
    def member(self) -> str:
        """Return the job's member in the list of all owners' open jobs."""
        return f"{self.digest}:{self.id}"


@dataclass(frozen=True, slots=True)
class Jobs:
    """The registry. Every method raises `TierUnavailable` when Redis cannot be reached.

    Methods that take an owner see no other owner's jobs.
    """

    client: GetRedis

    async def start(self, job: Job, *, most_open: int) -> bool | None:
        """Register a job; return False if it was registered before, None if the owner has too many open."""
        ref, now = ref_of(job), time.time()
        await self._list(ref, now)
        fields = [part for pair in to_fields(job).items() for part in pair]
        keys = [ref.key(), _owner_key(ref.digest, "open"), _owner_key(ref.digest, "all")]
        outcome = await run_script(self.client, START, keys, job.job_id, now, most_open, MOST_KEPT, *fields)
        return None if int(outcome) < 0 else bool(outcome)

    async def get(self, job_id: str, *, owner: str) -> Job | None:
        """Read the owner's job of that id; None when there is none."""
        return await self.read(Ref(digest(owner), job_id))

    @translate_errors()
    async def read(self, ref: Ref) -> Job | None:
        """Read a job; None when it is missing or unreadable."""
        client = await self.client()
        async with client.pipeline(transaction=False) as pipeline:
            pipeline.hgetall(ref.key())
            pipeline.lrange(ref.key("progress"), 0, -1)
            fields, progress = await pipeline.execute()
        if not fields:
            return None
        try:
            texts = {_text(name): _text(value) for name, value in fields.items()}
            return from_fields(ref.id, texts, [_text(line) for line in progress])
        except (KeyError, ValueError, TypeError):
            logger.warning("Left out job %s: what is stored cannot be read", ref.id)
            return None

    async def latest(self, *, owner: str, most: int = 20) -> list[Job]:
        """Read the owner's latest jobs, newest first."""
        whose = digest(owner)
        found = [await self.read(Ref(whose, job_id)) for job_id in await self._ids(whose, most)]
        return [job for job in found if job is not None]

    async def find(self, name: str, *, owner: str) -> Job | None:
        """Return the owner's newest job whose id starts with `name`; None when there is none."""
        wanted = name.strip().lower()
        ids = await self._ids(digest(owner), MOST_KEPT) if wanted else []
        job_id = next((one for one in ids if one.startswith(wanted)), None)
        return await self.get(job_id, owner=owner) if job_id else None

    async def named_or_open(self, name: str, *, owner: str) -> list[Job]:
        """Return the job of this name; without a name, the owner's latest open ones."""
        if not name:
            return [job for job in await self.latest(owner=owner) if job.is_open]
        job = await self.find(name, owner=owner)
        return [job] if job else []

    async def stop(self, job_id: str, *, owner: str) -> bool:
        """Request a stop from the process that works on a job; return False when there is nothing to stop."""
        return bool(await run_script(self.client, STOP, [Ref(digest(owner), job_id).key()]))

    @translate_errors()
    async def open(self) -> list[Ref]:
        """List all owners' jobs that need work, oldest first."""
        found: Any = await (await self.client()).zrange(_OPEN, 0, -1)
        return [Ref(*_text(member).split(":", 1)) for member in found]

    async def begin(self, ref: Ref) -> int:
        """Count a process that starts to work on a job; return the count, 0 if the job has ended."""
        return int(await run_script(self.client, BEGIN, [ref.key()]))

    async def undo_begin(self, ref: Ref) -> None:
        """Undo a `begin`, after an interruption that the job did not cause."""
        await run_script(self.client, UNDO_BEGIN, [ref.key()])

    async def beat(self, ref: Ref, seconds: float) -> bool:
        """Add working time; return False when a stop was requested or the job is gone."""
        return bool(await run_script(self.client, BEAT, [ref.key()], f"{seconds:.3f}"))

    async def set_spent(self, ref: Ref, spent: Spent) -> None:
        await run_script(self.client, NOTE, [ref.key()], spent.calls, spent.tools)

    async def count_failure(self, ref: Ref) -> int:
        return int(await run_script(self.client, COUNT_FAILURE, [ref.key()]))

    async def add_progress(self, ref: Ref, progress: Milestone) -> bool:
        """Append a milestone, once for each name; return False when it was added before."""
        line = json.dumps(asdict(progress))
        return bool(await run_script(self.client, ADD_PROGRESS, ref.keys, progress.name, line))

    async def end(self, ref: Ref, status: Status, *, result: str = "", reason: str = "") -> bool:
        """End a job; return False if it had ended, which changes nothing."""
        ended = datetime.now(UTC).isoformat()
        fields = ["status", status.value, "result", result, "reason", reason, "ended", ended]
        keys = [*ref.keys, _owner_key(ref.digest, "open")]
        return bool(await run_script(self.client, END, keys, ref.id, KEPT_SECONDS, *fields))

    @translate_errors()
    async def unlist(self, ref: Ref) -> None:
        await (await self.client()).zrem(_OPEN, ref.member)

    @translate_errors()
    async def is_new(self, ref: Ref) -> bool:
        """Return True when a job was listed so recently that it may not be stored yet."""
        listed = await (await self.client()).zscore(_OPEN, ref.member)
        return listed is not None and listed > time.time() - _GRACE_SECONDS

    @translate_errors()
    async def erase(self, *, owner: str) -> list[str]:
        """Delete all jobs of the owner, which ends running ones; return their ids.

        Scans every key of the server, because not every job is still listed.
        """
        client, prefix = await self.client(), _owner_key(digest(owner), "")
        ids = set()
        async for key in client.scan_iter(match=f"{prefix}*", count=1000):
            ids.add(_text(key).removeprefix(prefix).partition(":")[0])
            await client.unlink(key)
        return sorted(ids - {"open", "all"})

    @translate_errors()
    async def _list(self, ref: Ref, now: float) -> None:
        await (await self.client()).zadd(_OPEN, {ref.member: now}, nx=True)

    @translate_errors()
    async def _ids(self, whose: str, most: int) -> list[str]:
        found: Any = await (await self.client()).zrevrange(_owner_key(whose, "all"), 0, most - 1)
        return [_text(job_id) for job_id in found]


def ref_of(job: Job) -> Ref:
    return Ref(digest(job.owner), job.job_id)


def _owner_key(whose: str, part: str) -> str:
    return f"goat:job:{{{whose}}}:{part}"


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "replace")
