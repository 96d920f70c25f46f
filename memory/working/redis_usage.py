"""Use of the model by each owner and day, and the budget of a day.

Keys, all of an owner in one hash slot, with `O` the digest of the owner and `D` a day in the person's zone:

* `goat:usage:{O}:D`         hash: `tokens`, `requests`, and `warned`: the turn warned of little left
* `goat:usage:{O}:D:turns`   hash: digest of a turn -> 1 if it was admitted, else 0
"""

from dataclasses import dataclass
from datetime import date, timedelta

from memory.text.text import digest
from memory.working.redis_connection import GetRedis, run_script, translate_errors

DAYS_KEPT = 32
NEAR = 0.8
"""Share of the budget from which the person is warned."""
_DAY = 24 * 60 * 60
_ADMIT = """
local known = redis.call('HGET', KEYS[2], ARGV[1])
if known then return tonumber(known) end
local found = redis.call('HMGET', KEYS[1], 'tokens', 'requests')
local tokens, requests = tonumber(found[1] or 0), tonumber(found[2] or 0)
local most_tokens, most_requests = tonumber(ARGV[2]), tonumber(ARGV[3])
local over = (most_tokens > 0 and tokens >= most_tokens) or (most_requests > 0 and requests >= most_requests)
local admitted = over and 0 or 1
if not over then
  redis.call('HINCRBY', KEYS[1], 'requests', 1)
  redis.call('EXPIRE', KEYS[1], ARGV[4])
end
redis.call('HSET', KEYS[2], ARGV[1], admitted)
redis.call('EXPIRE', KEYS[2], ARGV[5])
return admitted
"""
"""KEYS: day, turns. ARGV: turn, tokens and requests a day, seconds that the day and the turns are kept."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Use in a day."""

    tokens: int = 0
    requests: int = 0


@dataclass(frozen=True, slots=True)
class DayBudget:
    """Limits on use in a day; 0 is no limit."""

    tokens: int = 0
    requests: int = 0

    def share(self, used: Usage) -> float:
        """Return the used share of tokens or requests, whichever is larger."""
        tokens = used.tokens / self.tokens if self.tokens else 0.0
        return max(tokens, used.requests / self.requests if self.requests else 0.0)


@dataclass(frozen=True, slots=True)
class RedisUsage:
    """Counters of use. Every method raises `TierUnavailable` when Redis cannot be reached."""

    client: GetRedis

    @translate_errors()
    async def add_tokens(self, tokens: int, *, owner: str, day: date) -> None:
        """Count the tokens of a call."""
        key = _key(owner, day)
        async with (await self.client()).pipeline(transaction=True) as pipeline:
            pipeline.hincrby(key, "tokens", tokens)
            pipeline.expire(key, DAYS_KEPT * _DAY)
            await pipeline.execute()

    async def admit(self, turn_id: str, budget: DayBudget, *, owner: str, day: date) -> bool:
        """Count a request; return False if the day's budget is used up. The same turn has the same answer."""
        key = _key(owner, day)
        values = (budget.tokens, budget.requests, DAYS_KEPT * _DAY, 3 * _DAY)
        names, mark = [key, f"{key}:turns"], digest(turn_id)[:16]
        return bool(await run_script(self.client, _ADMIT, names, mark, *values))

    @translate_errors()
    async def is_told(self, turn_id: str, *, owner: str, day: date) -> bool:
        """Return True for the first turn of the day that asks, and when it asks again."""
        client, key, mark = await self.client(), _key(owner, day), digest(turn_id)[:16]
        return (
            bool(await client.hsetnx(key, "warned", mark))
            or await client.hget(key, "warned") == mark.encode()
        )

    @translate_errors()
    async def of(self, day: date, *, owner: str) -> Usage:
        """Return what an owner used on a day."""
        tokens, requests = await (await self.client()).hmget(_key(owner, day), ["tokens", "requests"])
        return Usage(int(tokens or 0), int(requests or 0))

    async def days(self, last: date, count: int, *, owner: str) -> dict[date, Usage]:
        """Return what an owner used on each of the `count` days up to `last`."""
        days = [last - timedelta(days=back) for back in reversed(range(count))]
        return {day: await self.of(day, owner=owner) for day in days}

    @translate_errors()
    async def erase(self, today: date, *, owner: str) -> None:
        """Delete the counters of an owner but those of today, which would be a new budget."""
        client = await self.client()
        past = [today - timedelta(days=back) for back in range(1, DAYS_KEPT + 1)]
        await client.unlink(
            *(name for day in past for name in (_key(owner, day), f"{_key(owner, day)}:turns"))
        )


def _key(owner: str, day: date) -> str:
    return f"goat:usage:{{{digest(owner)}}}:{day.isoformat()}"
