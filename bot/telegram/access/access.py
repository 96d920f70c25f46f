"""Who may talk to the bot: those whom the configuration names, those who were paired or allowed; nobody else.

* `people`          hash of the ids of people to "allowed" or "admin"
* `denied`          set of the ids of people who were shut out, also from groups that are open to everyone
* `groups`          set of the ids of groups
* `moved`           hash of groups to the id that they had at first
* `pair:DIGEST`     a pairing code that was not used yet, and what it makes of its user
* `wrong:ID`        counts a person's wrong codes
* `done:UPDATE`     what came of an update that changed any of these
* `told:WHAT:ID`    a stranger was told today, or a person that they are too fast
* `rate:ID:MINUTE`  hash of a person's updates to their number in that minute
"""

import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from redis.asyncio import Redis

from bot.telegram.access import access_scripts as scripts
from bot.telegram.turn_records import Keys
from memory.working.redis_connection import translate_errors

CODE_SECONDS = 15 * 60
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_CODE_LENGTH = 10
DAY, HOUR, MINUTE = 24 * 60 * 60, 60 * 60, 60
_WRONG_CODES = 5
_PEOPLE = ["people", "denied"]


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

    async def allow(self, user_id: int, role: Role = Role.ALLOWED, *, update_id: int | None = None) -> bool:
        """Let somebody talk; return False when they might already. The same update has the same outcome."""
        if user_id in self.admins:
            return False
        return bool(int(await self._change(scripts.PEOPLE, _PEOPLE, update_id, user_id, role.value)))

    async def deny(self, user_id: int, *, update_id: int | None = None) -> bool:
        """Let somebody talk no more; return False when they were shut out before, or cannot be."""
        if user_id in self.admins:
            return False
        return bool(int(await self._change(scripts.PEOPLE, _PEOPLE, update_id, user_id, "")))

    @translate_errors()
    async def is_denied(self, user_id: int) -> bool:
        """Say whether somebody was shut out, and not let in since."""
        return bool(await (await self.client()).sismember(self.keys("denied"), str(user_id)))

    @translate_errors()
    async def people(self) -> dict[int, Role]:
        """List everybody who was paired or allowed."""
        found = await (await self.client()).hgetall(self.keys("people"))
        return {int(user_id): Role(_text(role)) for user_id, role in found.items()}

    @translate_errors()
    async def group_allowed(self, chat_id: int) -> bool:
        """Say whether the bot answers in a group."""
        return bool(await (await self.client()).sismember(self.keys("groups"), str(chat_id)))

    async def allow_group(self, chat_id: int, *, update_id: int | None = None) -> bool:
        """Let the bot answer in a group; return False when it might already."""
        return bool(int(await self._change(scripts.GROUPS, ["groups"], update_id, chat_id, "SADD")))

    async def deny_group(self, chat_id: int, *, update_id: int | None = None) -> bool:
        """Let the bot answer in a group no more; return False when it might not before."""
        return bool(int(await self._change(scripts.GROUPS, ["groups"], update_id, chat_id, "SREM")))

    @translate_errors()
    async def migrate_group(self, before: int, after: int) -> bool:
        """Carry a group's allowance over to its new id; return False when there was none."""
        script = (await self.client()).register_script(scripts.MIGRATE)
        return bool(await script([self.keys("groups"), self.keys("moved")], [before, after]))

    @translate_errors()
    async def first_id(self, chat_id: int) -> int:
        """Return the id that a group had at first, under which its memory is kept."""
        return int(await (await self.client()).hget(self.keys("moved"), str(chat_id)) or chat_id)

    @translate_errors()
    async def new_code(self, role: Role = Role.ALLOWED) -> str:
        """Make a pairing code, for one person and `CODE_SECONDS`; only its digest is kept."""
        code = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))
        await (await self.client()).set(self.keys("pair", _digest(code)), role.value, ex=CODE_SECONDS)
        return code

    async def pair(self, user_id: int, code: str, *, update_id: int | None = None) -> Pairing:
        """Let somebody talk who has a code; it holds once. Guessing is stopped after some wrong codes.

        The same update has the same outcome; it makes nobody less than they were.
        """
        names = [*_PEOPLE, f"pair:{_digest(code)}", f"wrong:{user_id}"]
        found = await self._change(scripts.PAIR, names, update_id, user_id, _WRONG_CODES, HOUR)
        return Pairing(_text(found))

    @translate_errors()
    async def _change(
        self, script: str, names: Sequence[str], update_id: int | None, *values: str | int
    ) -> Any:
        """Run a script on keys of these names, once for an update; return what came of it."""
        run = (await self.client()).register_script(script)
        keys = [self.keys("done", update_id or 0), *map(self.keys, names)]
        return await run(keys, [0 if update_id is None else DAY, *values])

    @translate_errors()
    async def first_time(self, what: str, about: int, update_id: int, seconds: int = DAY) -> bool:
        """Say whether this is the first update in some time to say something about; the same one is again."""
        client, key = await self.client(), self.keys("told", what, about)
        if await client.set(key, update_id, nx=True, ex=seconds):
            return True
        found = await client.get(key)
        return found is not None and _text(found) == str(update_id)

    @translate_errors()
    async def seconds_to_wait(self, user_id: int, what: int | str, *, sent: float | None = None) -> int:
        """Count a message of a person; return how long they should wait, 0 when it is within the limit.

        The same update counts once, as does the same album: `what` is the id of either. It counts in the
        minute in which it was `sent` (Unix time): what was written over hours while the bot was away is
        handled all at once.
        """
        if not self.rate:
            return 0
        now = int(time.time())
        minute = (now if sent is None else min(int(sent), now)) // MINUTE
        keys = [self.keys("rate", user_id, one) for one in (minute, minute - 1)]
        count = await (await self.client()).register_script(scripts.COUNT)(keys, [what, 2 * MINUTE])
        return MINUTE - now % MINUTE if int(count) > self.rate else 0


def _digest(code: str) -> str:
    return hashlib.sha256(code.strip().upper().encode("utf-8", "replace")).hexdigest()


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()
