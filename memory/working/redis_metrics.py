"""Daily totals of turns, on plain Redis commands.

Keys, all in one hash slot, with `O` the digest of an owner and `D` a UTC date:

* `goat:metrics:{all}:D`          hash: counters of all owners together (see `memory.observation.figures`)
* `goat:metrics:{all}:O:D`        hash: counters of one owner
* `goat:metrics:{all}:O:D:seen`   set: digests of counted turns, so that none is counted twice

Counters expire 90 days after their day, digests 7 days after the day's last counted turn. A hash holds at
most 33 stages of 185 buckets; a day of one user takes about 3 kB.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from memory.observation.figures import Metrics, add_counters, counts_of, figures_of, peaks_of
from memory.observation.observation import Observation
from memory.text.text import digest
from memory.working.redis_connection import GetRedis, run_script, translate_errors

DAYS_KEPT = 90
DAYS_SEEN = 7

_ADD = """
if redis.call('SADD', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('EXPIRE', KEYS[1], ARGV[2])
local counted = 4 + 2 * tonumber(ARGV[4])
for k = 2, #KEYS do
  for i = 5, counted, 2 do redis.call('HINCRBY', KEYS[k], ARGV[i], ARGV[i + 1]) end
  for i = counted + 1, #ARGV, 2 do
    local most = tonumber(redis.call('HGET', KEYS[k], ARGV[i]) or '0')
    if tonumber(ARGV[i + 1]) > most then redis.call('HSET', KEYS[k], ARGV[i], ARGV[i + 1]) end
  end
  redis.call('EXPIRE', KEYS[k], ARGV[3])
end
return 1
"""
_READ = """
local days = {}
for i, key in ipairs(KEYS) do days[i] = redis.call('HGETALL', key) end
return days
"""


@dataclass(frozen=True, slots=True)
class RedisMetrics:
    """Turn counters in Redis 6.2 or later, or Valkey; each call is one round trip."""

    client: GetRedis

    async def add(self, observation: Observation, *, now: datetime | None = None) -> bool:
        """Count a turn on its day; return False when it was already counted or is too old."""
        day = observation.at.astimezone(UTC).date()
        end = datetime.combine(day, time(), UTC) + timedelta(days=DAYS_KEPT + 1)
        left = math.ceil((end - (now or datetime.now(UTC))).total_seconds())
        if left <= 0:
            return False
        counts, peaks = counts_of(observation), peaks_of(observation)
        args: list[str | int] = [digest(observation.turn_id)[:16], DAYS_SEEN * 86_400, left, len(counts)]
        flat: list[str | int] = []
        for name, count in (*counts.items(), *peaks.items()):
            flat += (name, count)
        own = _key(day, observation.owner)
        return bool(await run_script(self.client, _ADD, [f"{own}:seen", own, _key(day)], *args, *flat))

    async def read(self, days: int, *, owner: str | None = None, today: date | None = None) -> Metrics:
        """Return the totals of the last `days`, including today; of one owner, or of all owners together."""
        last = today or datetime.now(UTC).date()
        dates = [last - timedelta(days=back) for back in reversed(range(max(1, min(days, DAYS_KEPT))))]
        rows = await run_script(self.client, _READ, [_key(day, owner) for day in dates])
        by_day = {day: _counters(row) for day, row in zip(dates, rows, strict=True)}
        whole: dict[str, int] = {}
        for counters in by_day.values():
            whole = add_counters(whole, counters)
        figures = {day: figures_of(counters) for day, counters in by_day.items()}
        return Metrics(days=figures, whole=figures_of(whole))

    @translate_errors()
    async def erase(self, *, owner: str) -> None:
        """Delete the owner's counters; the anonymous totals of all owners keep their part."""
        today = datetime.now(UTC).date()
        dates = [today + timedelta(days=1 - back) for back in range(DAYS_KEPT + 3)]
        keys = [key for day in dates for key in (_key(day, owner), f"{_key(day, owner)}:seen")]
        client = await self.client()
        await client.unlink(*keys)


def _key(day: date, owner: str | None = None) -> str:
    whose = "" if owner is None else f"{digest(owner)}:"
    return f"goat:metrics:{{all}}:{whose}{day.isoformat()}"


def _counters(row: Sequence[bytes]) -> dict[str, int]:
    return {name.decode(): int(count) for name, count in zip(row[::2], row[1::2], strict=True)}
