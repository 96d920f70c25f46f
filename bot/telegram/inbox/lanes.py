"""The inbox: what came from Telegram, in one lane a chat and topic, until it is dealt with.

A lane is worked on by one worker at a time, in the order of arrival. Its first update is looked at, run, and
only then taken out, so that whoever takes over after a crash begins with it again. A lane that has more work
goes behind the others.

* `ready`         list of the lanes that wait for a worker
* `lane:NAME`     list of updates, as JSON
* `active`        set of the lanes that are ready, held, or put off
* `due`           sorted set of held and put-off lanes by the time at which they are ready again
* `holders`       hash of held lanes to the token of who holds them
* `tries`         hash of lanes to how often their first update was begun, without the times that do not
                  count; `LANE|begun` stands there once it was begun at all
* `seen:BLOCK`    bits of the updates that have come in, of 65,536 ids in a row
* `bell`          list that has an entry when there may be work
* `dead`          list of updates that were given up, with the reason
"""

import json
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis, RedisCluster

from bot.telegram.inbox.lane_scripts import BURY, CLAIM, DONE, PUT, PUT_OFF, RENEW
from bot.telegram.turn_records import Keys
from memory.errors import GoatError, TierUnavailable
from memory.working.redis_connection import run_script, translate_errors

LEASE_SECONDS = 15.0
SEEN_SECONDS = 3 * 24 * 60 * 60
"""Longer than Telegram keeps an update."""
_BLOCK = 1 << 16
DISK_SECONDS = 2.0
"""The longest wait for the server's disk."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """An update that came in."""

    update_id: int
    lane: str
    update: bytes


@dataclass(slots=True)
class Claim:
    """A lane that is held, with its first update."""

    lane: str
    update: bytes
    tries: int
    """How often the update was begun, this time included, without the times that do not count."""
    first: bool
    """Nobody has begun it before."""
    token: str
    until: float = field(default=0.0)
    """On this machine's clock: when the lease ends unless it is renewed."""
    private: bool = False
    """Nothing of the update is to stay on a disk."""

    @property
    def held(self) -> bool:
        """Tell whether it still holds, also after the process stood still."""
        return clock() < self.until


def clock() -> float:
    """Return seconds on a clock that goes on while the process or the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


HOLDER: ContextVar[Claim | None] = ContextVar("holder", default=None)
"""The claim of the lane that the running task works on."""


class LaneLost(GoatError):
    """Somebody else works on this lane by now: nothing more may be sent for it."""


class NotDelivered(GoatError):
    """Telegram could not be reached for a long time, or wants to wait for one; to be tried again.

    Attributes:
        seconds: when that is worth while.
    """

    def __init__(self, message: str, seconds: float = 0.0) -> None:
        super().__init__(message)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Lanes:
    """The inbox of one bot. Every method raises `TierUnavailable` when Redis cannot be reached."""

    client: Callable[[], Awaitable[Redis]]
    keys: Keys
    lease: float = LEASE_SECONDS

    @translate_errors()
    async def put(self, arrivals: Sequence[Arrival]) -> int:
        """Take in updates, each once, and wait until they are on the server's disk; return how many are new.

        A server without `WAITAOF`, as Redis before 7.2, keeps them as its own configuration says.
        """
        client = await self.client()
        if isinstance(client, RedisCluster):  # which runs no script in a pipeline
            puts = [self._put(arrival) for arrival in arrivals]
            return sum([await run_script(self.client, PUT, names, *values) for names, values in puts])
        script = client.register_script(PUT)
        async with client.pipeline(transaction=False) as pipeline:
            for arrival in arrivals:
                names, values = self._put(arrival)
                await script(names, values, client=pipeline)
            pipeline.execute_command("WAITAOF", 1, 0, int(DISK_SECONDS * 1000))
            *answers, on_disk = await pipeline.execute(raise_on_error=False)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        if isinstance(on_disk, list) and not on_disk[0]:
            raise TierUnavailable("working", f"the server's disk took longer than {DISK_SECONDS:g} s")
        return sum(map(int, answers))

    def _put(self, arrival: Arrival) -> tuple[list[str], list[str | bytes | int]]:
        """Return keys and values of the script that takes an update in."""
        block, bit = divmod(arrival.update_id, _BLOCK)
        names = [*self._names("bell", "ready", "active"), self.keys("lane", arrival.lane)]
        values: list[str | bytes | int] = [arrival.lane, arrival.update, SEEN_SECONDS, bit]
        return [*names, self.keys("seen", block)], values

    async def claim(self) -> Claim | None:
        """Hold the lane that has waited longest; None when nothing waits."""
        token, began = uuid.uuid4().hex, clock()
        prefix = self.keys("lane", "")
        found = await run_script(self.client, CLAIM, self._lane_names(), token, self._milliseconds, prefix)
        if found is None:
            return None
        lane, update, tries, first = found
        return Claim(lane.decode(), update, int(tries), bool(first), token, began + self.lease)

    async def renew(self, claim: Claim) -> bool:
        """Hold on for another lease; return False when somebody else has the lane."""
        began = clock()
        names = self._lane_names()
        kept = await run_script(self.client, RENEW, names, claim.lane, claim.token, self._milliseconds)
        claim.until = began + self.lease if kept else 0.0
        return bool(kept)

    async def done(self, claim: Claim) -> bool:
        """Take the update out, and let the lane go; False when it was somebody else's by now."""
        names = self._lane_names(claim.lane)
        return bool(await run_script(self.client, DONE, names, claim.lane, claim.token))

    async def put_off(self, claim: Claim, seconds: float, *, counted: bool) -> bool:
        """Let the lane go for some time; the try counts, or not."""
        delay = int(seconds * 1000)
        return bool(
            await run_script(
                self.client,
                PUT_OFF,
                self._lane_names(claim.lane),
                claim.lane,
                claim.token,
                delay,
                int(counted),
            )
        )

    async def bury(self, claim: Claim, reason: str) -> bool:
        """Give an update up: put it with the dead, and let the lane go on."""
        text = claim.update.decode("utf-8", "replace")
        record = json.dumps({"at": time.time(), "reason": reason, "tries": claim.tries, "update": text})
        names = [*self._lane_names(claim.lane), self.keys("dead")]
        return bool(await run_script(self.client, BURY, names, claim.lane, claim.token, record))

    @translate_errors()
    async def wait(self, seconds: float) -> None:
        """Wait until there may be work, at most so long."""
        await (await self.client()).blpop([self.keys("bell")], timeout=seconds)

    @translate_errors()
    async def dead(self) -> list[dict[str, Any]]:
        """List the updates that were given up, latest first."""
        found = await (await self.client()).lrange(self.keys("dead"), 0, -1)
        return [json.loads(record) for record in found]

    async def retry_dead(self, lane_of: Callable[[dict[str, Any]], str]) -> int:
        """Put what was given up back, oldest first, behind what waits; return how many."""
        count = 0
        while (record := await self._pop_dead()) is not None:
            update = json.loads(record["update"])
            block, bit = divmod(update["update_id"], _BLOCK)
            await (await self.client()).setbit(self.keys("seen", block), bit, 0)
            await self.put([Arrival(update["update_id"], lane_of(update), record["update"].encode())])
            count += 1
        return count

    @translate_errors()
    async def drop_dead(self) -> int:
        """Delete what was given up; return how many."""
        client = await self.client()
        count = int(await client.llen(self.keys("dead")))
        await client.delete(self.keys("dead"))
        return count

    @translate_errors()
    async def drop_one_dead(self, record: dict[str, Any]) -> None:
        """Delete an update that was given up, as `dead` lists it."""
        await (await self.client()).lrem(self.keys("dead"), 1, json.dumps(record))

    @translate_errors()
    async def _pop_dead(self) -> dict[str, Any] | None:
        found = await (await self.client()).rpop(self.keys("dead"))
        record: dict[str, Any] | None = json.loads(found) if isinstance(found, bytes) else None
        return record

    @translate_errors()
    async def waiting(self) -> int:
        """Count the lanes that have work, held ones included."""
        return int(await (await self.client()).scard(self.keys("active")))

    @property
    def _milliseconds(self) -> int:
        return int(self.lease * 1000)

    def _names(self, *names: str) -> list[str]:
        return [self.keys(name) for name in names]

    def _lane_names(self, *lane: str) -> list[str]:
        shared = self._names("bell", "ready", "due", "holders", "tries", "active")
        return [*shared, *(self.keys("lane", name) for name in lane)]


def check_held() -> None:
    """Raise `LaneLost` when the running task's lane went to somebody else, as after a long pause."""
    claim = HOLDER.get()
    if claim is not None and not claim.held:
        raise LaneLost("This lane went to another worker while this one stood still.")
