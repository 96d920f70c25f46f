"""Access list in Redis: configured admins, paired or allowed people, allowed groups. Closed by default.

* `people`          hash: person id -> "allowed" or "admin"
* `denied`          set: ids of denied people; also keeps them out of groups open to everyone
* `groups`          set: ids of allowed groups
* `listening`       set: ids of groups whose talk is remembered
* `moved`           hash: group id -> the group's first id
* `pair:DIGEST`     an unused pairing code and the role it grants
* `wrong:ID`        number of wrong codes a person has sent
* `done:UPDATE`     outcome of an update that changed any of these
* `told:TOPIC:ID`   the update after which a person or group got a notice
* `rate:ID`         hash: the latest minute in which a person's messages are handled, and how many are
* `rate:ID:WHAT`    the minute of a message or an album
"""

import hashlib
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bot.telegram.access import access_scripts as scripts
from bot.telegram.turn_records import BotKeys
from memory.working.redis_connection import GetRedis, run_script, translate_errors

CODE_SECONDS = 15 * 60
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_CODE_LENGTH = 10
DAY, HOUR, MINUTE = 24 * 60 * 60, 60 * 60, 60
_WRONG_CODES = 5
_PEOPLE = ["people", "denied"]


class Role(StrEnum):
    STRANGER = "stranger"
    ALLOWED = "allowed"
    ADMIN = "admin"


class Pairing(StrEnum):
    """Outcome of a pairing code."""

    PAIRED = "paired"
    WRONG = "wrong"
    TOO_OFTEN = "too often"


@dataclass(frozen=True, slots=True)
class Access:
    """The access list. Every method raises `TierUnavailable` when Redis cannot be reached."""

    client: GetRedis
    keys: BotKeys
    admins: frozenset[int]
    """Set in the configuration; they cannot be denied."""
    rate: int
    """Messages of a person that are handled per minute; 0 means no limit."""

    @translate_errors()
    async def role(self, user_id: int) -> Role:
        if user_id in self.admins:
            return Role.ADMIN
        found: Any = await (await self.client()).hget(self.keys("people"), str(user_id))
        return Role(found.decode()) if found else Role.STRANGER

    async def allow(self, user_id: int, role: Role = Role.ALLOWED, *, update_id: int | None = None) -> bool:
        """Allow a person; return False if they already were. The same update returns the same outcome."""
        if user_id in self.admins:
            return False
        return bool(int(await self._change(scripts.PEOPLE, _PEOPLE, update_id, user_id, role.value)))

    async def deny(self, user_id: int, *, update_id: int | None = None) -> bool:
        """Deny a person; return False if they already were, or cannot be."""
        if user_id in self.admins:
            return False
        return bool(int(await self._change(scripts.PEOPLE, _PEOPLE, update_id, user_id, "")))

    @translate_errors()
    async def is_denied(self, user_id: int) -> bool:
        return bool(await (await self.client()).sismember(self.keys("denied"), str(user_id)))

    @translate_errors()
    async def people(self) -> dict[int, Role]:
        """List the paired and allowed people."""
        found: Any = await (await self.client()).hgetall(self.keys("people"))
        return {int(user_id): Role(role.decode()) for user_id, role in found.items()}

    @translate_errors()
    async def group_allowed(self, chat_id: int) -> bool:
        """Return True if the bot may answer in a group."""
        return bool(await (await self.client()).sismember(self.keys("groups"), str(chat_id)))

    async def allow_group(self, chat_id: int, *, update_id: int | None = None) -> bool:
        """Allow a group; return False if it already was."""
        return bool(int(await self._change(scripts.GROUPS, ["groups"], update_id, chat_id, "SADD")))

    async def deny_group(self, chat_id: int, *, update_id: int | None = None) -> bool:
        """Remove a group from the allowed and the listened-to ones; return False if it was not allowed."""
        await self.listen(chat_id, on=False)
        return bool(int(await self._change(scripts.GROUPS, ["groups"], update_id, chat_id, "SREM")))

    @translate_errors()
    async def listens(self, chat_id: int) -> bool:
        """Return True if a group's talk is remembered."""
        return bool(await (await self.client()).sismember(self.keys("listening"), str(chat_id)))

    async def listen(self, chat_id: int, *, on: bool, update_id: int | None = None) -> bool:
        """Remember a group's talk, or do not; return False if that was so already."""
        command = "SADD" if on else "SREM"
        return bool(int(await self._change(scripts.GROUPS, ["listening"], update_id, chat_id, command)))

    async def migrate_group(self, before: int, after: int) -> bool:
        """Move a group's permissions to its new id; return False if it had none."""
        names = [self.keys(name) for name in ("groups", "moved", "listening")]
        return bool(await run_script(self.client, scripts.MIGRATE, names, before, after))

    @translate_errors()
    async def first_id(self, chat_id: int) -> int:
        """Return a group's first id, which names its memory."""
        return int(await (await self.client()).hget(self.keys("moved"), str(chat_id)) or chat_id)

    @translate_errors()
    async def latest_id(self, chat_id: int) -> int:
        """Return the present id of a group."""
        moved: Any = await (await self.client()).hgetall(self.keys("moved"))
        first = int(moved.get(str(chat_id).encode(), chat_id))
        for now, before in moved.items():
            if int(before) == first and await self.group_allowed(int(now)):
                return int(now)
        return chat_id

    @translate_errors()
    async def new_code(self, role: Role = Role.ALLOWED) -> str:
        """Create a pairing code for one person, valid for `CODE_SECONDS`; only its digest is stored."""
        code = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))
        await (await self.client()).set(self.keys("pair", _digest(code)), role.value, ex=CODE_SECONDS)
        return code

    async def pair(self, user_id: int, code: str, *, update_id: int | None = None) -> Pairing:
        """Allow a person who sends a valid code; a code works once, and wrong codes are limited.

        The same update returns the same outcome. Nobody loses a higher role.
        """
        names = [*_PEOPLE, f"pair:{_digest(code)}", f"wrong:{user_id}"]
        found = await self._change(scripts.PAIR, names, update_id, user_id, _WRONG_CODES, HOUR)
        return Pairing(found.decode())

    async def _change(
        self, script: str, names: Sequence[str], update_id: int | None, *values: str | int
    ) -> Any:
        """Run a script on these keys, once per update; return its outcome."""
        keys = [self.keys("done", update_id or 0), *map(self.keys, names)]
        return await run_script(self.client, script, keys, 0 if update_id is None else DAY, *values)

    @translate_errors()
    async def first_time(self, what: str, about: int, update_id: int, seconds: int = DAY) -> bool:
        """Return True for the first update on a topic within `seconds`, and when that update is repeated."""
        client, key = await self.client(), self.keys("told", what, about)
        if await client.set(key, update_id, nx=True, ex=seconds):
            return True
        found = await client.get(key)
        return found is not None and int(found) == update_id

    @translate_errors()
    async def seconds_to_wait(self, who: int | str, what: int | str, *, sent: float | None = None) -> int:
        """Count a message; return the seconds until its turn, 0 if it may be handled now.

        `who` is the id of a person, or another name to count by. `what` is the id of the update or of its
        album, and counts once. A message has its turn in the minute in which it was `sent` (Unix time), or in
        the next one with room: a backlog of hours does not wait.
        """
        if not self.rate:
            return 0
        now = int(time.time())
        minute = (now if sent is None else min(int(sent), now)) // MINUTE
        keys = [self.keys("rate", who), self.keys("rate", who, what)]
        turn = await run_script(self.client, scripts.TURN, keys, minute, self.rate, DAY)
        return max(0, int(turn) * MINUTE - now)


def _digest(code: str) -> str:
    return hashlib.sha256(code.strip().upper().encode("utf-8", "replace")).hexdigest()
