"""The inbox: one queue of updates (a lane) per chat and topic, in Redis.

One worker at a time holds a lane, in order of arrival. It reads the first update, handles it, and only then
removes it, so that after a crash the next worker starts with the same update. Updates behind it that were
bound to it are handled and removed with it. A lane with more updates goes to the back of the queue.

* `ready`         list: lanes that wait for a worker
* `lane:NAME`     list: updates as JSON
* `active`        set: lanes that are ready, held or put off
* `due`           sorted set: held and put-off lanes by the time they become ready again
* `holders`       hash: held lane -> token of its holder
* `tries`         hash: lane -> counted attempts at its first update; `LANE|begun` exists after any attempt,
                  and `LANE|with` has the ids of the updates bound to it
* `seen:BLOCK`    bitmap: received updates, 65,536 ids per block
* `bell`          list: has an entry when there may be work
* `dead`          list: updates that were given up, with the reason
"""

import json
import time
import uuid
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast

from redis.asyncio import RedisCluster

from bot.telegram.inbox.lane_scripts import BEHIND, BIND, BURY, CLAIM, DONE, PUT, PUT_OFF, RENEW
from bot.telegram.place import lane_of
from bot.telegram.turn_records import BotKeys
from memory.errors import GoatError, TierUnavailable
from memory.working.redis_connection import GetRedis, run_script, translate_errors

LEASE_ENDED = "The lease of this lane ended, and another worker may hold it."
LEASE_SECONDS = 15.0
SEEN_SECONDS = 3 * 24 * 60 * 60
"""Longer than Telegram keeps an update (24 hours)."""
NOTICE_MARK, REMINDER_MARK = b" ", b"  "
"""Beginnings of notices of jobs and of due reminders in a lane; no update begins with a blank."""
_BLOCK = 1 << 16
_SHARED = ("bell", "ready", "due", "holders", "tries", "active")
DISK_SECONDS = 2.0
"""Seconds to wait for an fsync of the server."""


@dataclass(frozen=True, slots=True)
class Arrival:
    update_id: int
    lane: str
    update: bytes


@dataclass(slots=True)
class Claim:
    """A held lane and its first update."""

    lane: str
    update: bytes
    tries: int
    """Counted attempts at the update, including this one."""
    first: bool
    """True if no attempt at the update was made before, counted or not."""
    token: str
    until: float = 0.0
    """End of the lease, by this machine's `clock`."""
    private: bool = False
    """True if nothing of the update may stay on disk."""
    bound: Sequence[bytes] = ()
    """Updates behind it that are handled with it."""

    @property
    def is_held(self) -> bool:
        """Return True while the lease lasts, also after the process was suspended."""
        return clock() < self.until


def clock() -> float:
    """Return seconds of a clock that also runs while the process or the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


HOLDER: ContextVar[Claim | None] = ContextVar("holder", default=None)
"""The claim that the current task works on."""


class LaneLost(GoatError):
    """Another worker holds this lane now: nothing more may be sent for it."""


class UnreadableUpdate(Exception):
    """An update cannot be parsed; retrying will not help."""


class NotDelivered(GoatError):
    """Telegram is unreachable, or Telegram or the rate limit asks to wait; retry later.

    Attributes:
        seconds: seconds until the earliest retry.
    """

    def __init__(self, message: str, seconds: float = 0.0) -> None:
        super().__init__(message)
        self.seconds = seconds


def check_held() -> None:
    """Raise `LaneLost` if the current task's lease has ended."""
    claim = HOLDER.get()
    if claim is not None and not claim.is_held:
        raise LaneLost(LEASE_ENDED)


@dataclass(frozen=True, slots=True)
class Lanes:
    """The inbox of one bot. Every method raises `TierUnavailable` when Redis cannot be reached."""

    client: GetRedis
    keys: BotKeys
    lease: float = LEASE_SECONDS

    @translate_errors()
    async def put(self, arrivals: Sequence[Arrival]) -> int:
        """Append updates, each once, and wait until the server has synced them; return how many are new.

        A server without `WAITAOF` (Redis before 7.2) persists them as it is configured.
        """
        client = await self.client()
        puts: list[tuple[list[str], list[str | bytes | int]]] = []
        for one in arrivals:
            block, bit = divmod(one.update_id, _BLOCK)
            parts = [("bell",), ("ready",), ("active",), ("lane", one.lane), ("seen", block)]
            names = [self.keys(*part) for part in parts]
            puts.append((names, [one.lane, one.update, SEEN_SECONDS, bit]))
        if isinstance(client, RedisCluster):  # a cluster runs no scripts in a pipeline
            return sum([await run_script(self.client, PUT, names, *values) for names, values in puts])
        script = client.register_script(PUT)
        async with client.pipeline(transaction=False) as pipeline:
            for names, values in puts:
                await script(names, values, client=pipeline)
            pipeline.execute_command("WAITAOF", 1, 0, int(DISK_SECONDS * 1000))
            *answers, on_disk = await pipeline.execute(raise_on_error=False)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        if isinstance(on_disk, list) and not on_disk[0]:
            raise TierUnavailable("working", f"the server's disk took longer than {DISK_SECONDS:g} s")
        return sum(map(int, answers))

    async def claim(self) -> Claim | None:
        """Claim the lane that has waited longest; None when none is ready."""
        token, began, prefix = uuid.uuid4().hex, clock(), self.keys("lane", "")
        names, milliseconds = list(map(self.keys, _SHARED)), int(self.lease * 1000)
        found = await run_script(self.client, CLAIM, names, token, milliseconds, prefix)
        if found is None:
            return None
        lane, update, tries, first = found
        return Claim(lane.decode(), update, int(tries), bool(first), token, began + self.lease)

    async def renew(self, claim: Claim) -> bool:
        """Renew the lease; return False if another worker holds the lane."""
        began = clock()
        kept = await self._run(RENEW, claim, int(self.lease * 1000))
        claim.until = began + self.lease if kept else 0.0
        return bool(kept)

    async def behind(self, claim: Claim, most: int) -> tuple[list[int] | None, list[bytes]]:
        """Return the ids of the updates bound to the claimed one, and at most `most` updates behind it.

        The ids are None before `bind`.

        Raises:
            LaneLost: another worker holds the lane.
        """
        found = await self._run(BEHIND, claim, most)
        if not found:
            raise LaneLost(LEASE_ENDED)
        bound, updates = found
        return None if bound is None else json.loads(bound), updates

    async def bind(self, claim: Claim, update_ids: Sequence[int]) -> None:
        """Bind updates behind the claimed one to it, for this attempt and all later ones.

        Raises:
            LaneLost: another worker holds the lane.
        """
        if not await self._run(BIND, claim, json.dumps(list(update_ids))):
            raise LaneLost(LEASE_ENDED)

    async def done(self, claim: Claim) -> bool:
        """Remove the update and those bound to it; return False if another worker holds the lane."""
        return bool(await self._run(DONE, claim, *claim.bound))

    async def put_off(self, claim: Claim, seconds: float, *, counted: bool) -> bool:
        """Release the lane for `seconds`; `counted` counts the attempt."""
        return bool(await self._run(PUT_OFF, claim, int(seconds * 1000), int(counted)))

    async def bury(self, claim: Claim, reason: str) -> bool:
        """Move an update to the dead ones and release the lane."""
        text = claim.update.decode("utf-8", "replace")
        record = json.dumps({"at": time.time(), "reason": reason, "tries": claim.tries, "update": text})
        return bool(await self._run(BURY, claim, record))

    @translate_errors()
    async def wait(self, seconds: float) -> None:
        """Wait until there may be work, at most `seconds`."""
        await (await self.client()).blpop([self.keys("bell")], timeout=seconds)

    @translate_errors()
    async def dead(self) -> list[dict[str, Any]]:
        """List the dead updates, latest first."""
        found = await (await self.client()).lrange(self.keys("dead"), 0, -1)
        return [json.loads(record) for record in found]

    @translate_errors()
    async def retry_dead(self) -> int:
        """Append the dead updates to their lanes again, oldest first; return how many.

        Each stays among the dead until it is in its lane: an interruption repeats it, which is harmless.
        """
        client, dead, count = await self.client(), self.keys("dead"), 0
        while oldest := await client.lindex(dead, -1):
            raw: str = json.loads(oldest)["update"]
            update = json.loads(raw)
            block, bit = divmod(update["update_id"], _BLOCK)
            await client.setbit(self.keys("seen", block), bit, 0)
            await self.put([Arrival(update["update_id"], lane_of(update), raw.encode())])
            await client.lrem(dead, -1, cast("str", oldest))  # redis-py takes bytes, too
            count += 1
        return count

    @translate_errors()
    async def drop_dead(self) -> int:
        """Delete the dead updates; return how many."""
        client = await self.client()
        count = int(await client.llen(self.keys("dead")))
        await client.delete(self.keys("dead"))
        return count

    @translate_errors()
    async def waiting(self) -> int:
        """Count the lanes with updates, including held ones."""
        return int(await (await self.client()).scard(self.keys("active")))

    async def _run(self, script: str, claim: Claim, *values: str | bytes | int) -> Any:
        """Run a script on a held lane."""
        names = [*map(self.keys, _SHARED), self.keys("lane", claim.lane), self.keys("dead")]
        return await run_script(self.client, script, names, claim.lane, claim.token, *values)
