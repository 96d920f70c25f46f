"""Who may talk to the bot: those whom the configuration names, those who were paired or allowed; nobody else.

* `people`          hash of the ids of people to "allowed" or "admin"
* `groups`          set of the ids of groups
* `pair:DIGEST`     a pairing code that was not used yet, and what it makes of its user
* `wrong:ID`        counts a person's wrong codes
* `told:WHAT:ID`    a stranger was told today, or a person that they are too fast
* `rate:ID:MINUTE`  counts a person's messages
"""

import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from redis.asyncio import Redis

from bot.telegram.keys import Keys
from memory.working.client import translate_errors

CODE_SECONDS = 15 * 60
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_CODE_LENGTH = 10
_WRONG_CODES, _WRONG_SECONDS = 5, 60 * 60
DAY = 24 * 60 * 60
MINUTE = 60


class Role(StrEnum):
    """What somebody may do."""

    STRANGER = "stranger"
    ALLOWED = "allowed"
    ADMIN = "admin"


class Pairing(StrEnum):
    """What became of a pairing code."""

    PAIRED = "paired"
    WRONG = "wrong"
    TOO_OFTEN = "too often"


@dataclass(frozen=True, slots=True)
class Access:
    """The list of who may talk. Every method raises `TierUnavailable` when Redis cannot be reached."""

    client: Callable[[], Awaitable[Redis]]
    keys: Keys
    admins: frozenset[int]
    """Named in the configuration; they cannot be denied."""
    rate: int
    """Messages that a person may send in a minute; 0: any number."""

    @translate_errors()
    async def role(self, user_id: int) -> Role:
        """Say what a person may do."""
        if user_id in self.admins:
            return Role.ADMIN
        found = await (await self.client()).hget(self.keys("people"), str(user_id))
        return Role(_text(found)) if found else Role.STRANGER

    @translate_errors()
    async def allow(self, user_id: int, role: Role = Role.ALLOWED) -> bool:
        """Let somebody talk; return False when they might already."""
        if user_id in self.admins:
            return False
        return bool(await (await self.client()).hsetnx(self.keys("people"), str(user_id), role.value))

    @translate_errors()
    async def deny(self, user_id: int) -> bool:
        """Let somebody talk no more; return False when they might not before."""
        return bool(await (await self.client()).hdel(self.keys("people"), str(user_id)))

    @translate_errors()
    async def people(self) -> dict[int, Role]:
        """List everybody who was paired or allowed."""
        found = await (await self.client()).hgetall(self.keys("people"))
        return {int(user_id): Role(_text(role)) for user_id, role in found.items()}

    @translate_errors()
    async def group_allowed(self, chat_id: int) -> bool:
        """Say whether the bot answers in a group."""
        return bool(await (await self.client()).sismember(self.keys("groups"), str(chat_id)))

    @translate_errors()
    async def allow_group(self, chat_id: int) -> bool:
        """Let the bot answer in a group; return False when it might already."""
        return bool(await (await self.client()).sadd(self.keys("groups"), str(chat_id)))

    @translate_errors()
    async def deny_group(self, chat_id: int) -> bool:
        """Let the bot answer in a group no more; return False when it might not before."""
        return bool(await (await self.client()).srem(self.keys("groups"), str(chat_id)))

    @translate_errors()
    async def new_code(self, role: Role = Role.ALLOWED) -> str:
        """Make a pairing code, for one person and `CODE_SECONDS`; only its digest is kept."""
        code = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))
        await (await self.client()).set(self.keys("pair", _digest(code)), role.value, ex=CODE_SECONDS)
        return code

    @translate_errors()
    async def pair(self, user_id: int, code: str) -> Pairing:
        """Let somebody talk who has a code; it holds once. Guessing is stopped after some wrong codes."""
        client, wrong = await self.client(), self.keys("wrong", user_id)
        if int(await client.get(wrong) or 0) >= _WRONG_CODES:
            return Pairing.TOO_OFTEN
        role = await client.getdel(self.keys("pair", _digest(code)))
        if role is None:
            if await client.incr(wrong) == 1:
                await client.expire(wrong, _WRONG_SECONDS)
            return Pairing.WRONG
        await client.hset(self.keys("people"), str(user_id), _text(role))
        return Pairing.PAIRED

    @translate_errors()
    async def first_time(self, what: str, about: int, update_id: int, seconds: int = DAY) -> bool:
        """Say whether this is the first update in some time to say something about; the same one is again."""
        client, key = await self.client(), self.keys("told", what, about)
        if await client.set(key, update_id, nx=True, ex=seconds):
            return True
        found = await client.get(key)
        return found is not None and _text(found) == str(update_id)

    @translate_errors()
    async def seconds_to_wait(self, user_id: int, update_id: int) -> int:
        """Count a message of a person; return how long they should wait, 0 when it is within the limit.

        The same update counts once.
        """
        if not self.rate:
            return 0
        now = int(time.time())
        key = self.keys("rate", user_id, now // MINUTE)
        async with (await self.client()).pipeline(transaction=True) as pipeline:
            pipeline.sadd(key, update_id)
            pipeline.expire(key, 2 * MINUTE)
            pipeline.scard(key)
            *_, count = await pipeline.execute()
        return MINUTE - now % MINUTE if count > self.rate else 0


def _digest(code: str) -> str:
    return hashlib.sha256(code.strip().upper().encode("utf-8", "replace")).hexdigest()


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()
