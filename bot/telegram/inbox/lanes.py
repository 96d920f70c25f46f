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
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis, RedisCluster

from bot.telegram.inbox.lane_claims import LEASE_ENDED, Arrival, Claim, LaneLost, clock
from bot.telegram.inbox.lane_scripts import BEHIND, BIND, BURY, CLAIM, DONE, PUT, PUT_OFF, RENEW
from bot.telegram.turn_records import Keys
from memory.errors import TierUnavailable
from memory.working.redis_connection import run_script, translate_errors

LEASE_SECONDS = 15.0
SEEN_SECONDS = 3 * 24 * 60 * 60
"""Longer than Telegram keeps an update (24 hours)."""
_BLOCK = 1 << 16
DISK_SECONDS = 2.0
"""Timeout of an fsync of the server."""


@dataclass(frozen=True, slots=True)
class Lanes:
    """The inbox of one bot. Every method raises `TierUnavailable` when Redis cannot be reached."""

    client: Callable[[], Awaitable[Redis]]
    keys: Keys
    lease: float = LEASE_SECONDS

    @translate_errors()
    async def put(self, arrivals: Sequence[Arrival]) -> int:
        """Append updates, each once, and wait until the server has synced them; return how many are new.

        A server without `WAITAOF` (Redis before 7.2) persists them as it is configured.
        """
        client = await self.client()
        if isinstance(client, RedisCluster):  # a cluster runs no scripts in a pipeline
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
        """Return keys and values of the PUT script."""
        block, bit = divmod(arrival.update_id, _BLOCK)
        names = [*self._names("bell", "ready", "active"), self.keys("lane", arrival.lane)]
        values: list[str | bytes | int] = [arrival.lane, arrival.update, SEEN_SECONDS, bit]
        return [*names, self.keys("seen", block)], values

    async def claim(self) -> Claim | None:
        """Claim the lane that has waited longest; None when none is ready."""
        token, began = uuid.uuid4().hex, clock()
        prefix = self.keys("lane", "")
        found = await run_script(self.client, CLAIM, self._lane_names(), token, self._milliseconds, prefix)
        if found is None:
            return None
        lane, update, tries, first = found
        return Claim(lane.decode(), update, int(tries), bool(first), token, began + self.lease)

    async def renew(self, claim: Claim) -> bool:
        """Renew the lease; return False if another worker holds the lane."""
        began = clock()
        names = self._lane_names()
        kept = await run_script(self.client, RENEW, names, claim.lane, claim.token, self._milliseconds)
        claim.until = began + self.lease if kept else 0.0
        return bool(kept)

    async def behind(self, claim: Claim, most: int) -> tuple[list[int] | None, list[bytes]]:
        """Return the ids of the updates bound to the claimed one, and at most `most` updates behind it.

        The ids are None before `bind`.

        Raises:
            LaneLost: another worker holds the lane.
        """
        names = self._lane_names(claim.lane)
        found = await run_script(self.client, BEHIND, names, claim.lane, claim.token, most)
        if not found:
            raise LaneLost(LEASE_ENDED)
        bound, updates = found
        return None if bound is None else json.loads(bound), updates

    async def bind(self, claim: Claim, update_ids: Sequence[int]) -> None:
        """Bind updates behind the claimed one to it, for this attempt and all later ones.

        Raises:
            LaneLost: another worker holds the lane.
        """
        names, ids = self._lane_names(claim.lane), json.dumps(list(update_ids))
        if not await run_script(self.client, BIND, names, claim.lane, claim.token, ids):
            raise LaneLost(LEASE_ENDED)

    async def done(self, claim: Claim) -> bool:
        """Remove the update and those bound to it; return False if another worker holds the lane."""
        names = self._lane_names(claim.lane)
        return bool(await run_script(self.client, DONE, names, claim.lane, claim.token, *claim.bound))

    async def put_off(self, claim: Claim, seconds: float, *, counted: bool) -> bool:
        """Release the lane for `seconds`; `counted` counts the attempt."""
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
        """Move an update to the dead ones and release the lane."""
        text = claim.update.decode("utf-8", "replace")
        record = json.dumps({"at": time.time(), "reason": reason, "tries": claim.tries, "update": text})
        names = [*self._lane_names(claim.lane), self.keys("dead")]
        return bool(await run_script(self.client, BURY, names, claim.lane, claim.token, record))

    @translate_errors()
    async def wait(self, seconds: float) -> None:
        """Wait until there may be work, at most `seconds`."""
        await (await self.client()).blpop([self.keys("bell")], timeout=seconds)

    @translate_errors()
    async def dead(self) -> list[dict[str, Any]]:
        """List the dead updates, latest first."""
        found = await (await self.client()).lrange(self.keys("dead"), 0, -1)
        return [json.loads(record) for record in found]

    async def retry_dead(self, lane_of: Callable[[dict[str, Any]], str]) -> int:
        """Append the dead updates to their lanes again, oldest first; return how many."""
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
        """Delete the dead updates; return how many."""
        client = await self.client()
        count = int(await client.llen(self.keys("dead")))
        await client.delete(self.keys("dead"))
        return count

    @translate_errors()
    async def _pop_dead(self) -> dict[str, Any] | None:
        found = await (await self.client()).rpop(self.keys("dead"))
        record: dict[str, Any] | None = json.loads(found) if isinstance(found, bytes) else None
        return record

    @translate_errors()
    async def waiting(self) -> int:
        """Count the lanes with updates, including held ones."""
        return int(await (await self.client()).scard(self.keys("active")))

    @property
    def _milliseconds(self) -> int:
        return int(self.lease * 1000)

    def _names(self, *names: str) -> list[str]:
        return [self.keys(name) for name in names]

    def _lane_names(self, *lane: str) -> list[str]:
        shared = self._names("bell", "ready", "due", "holders", "tries", "active")
        return [*shared, *(self.keys("lane", name) for name in lane)]
