"""Tokens of clients in Redis; only their digests are stored.

* `goat:serve:tokens`   hash: SHA-256 of a token -> its owner and when it was made
"""

import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from memory.working.redis_connection import GetRedis, translate_errors

_KEY = "goat:serve:tokens"
_PREFIX = "goat-"
_BYTES = 32
_ID_LENGTH = 8


@dataclass(frozen=True, slots=True)
class ClientToken:
    """What is stored of a token."""

    id: str
    """The beginning of its digest."""
    owner: str
    made: str
    """ISO time."""


@dataclass(frozen=True, slots=True)
class TokenList:
    """The clients' tokens. Every method raises `TierUnavailable` when Redis cannot be reached."""

    client: GetRedis

    @translate_errors()
    async def new(self, owner: str) -> str:
        """Make a token for the owner's memory and return it; it is not shown again."""
        token = _PREFIX + secrets.token_urlsafe(_BYTES)
        digest = _digest(token)
        made = ClientToken(digest[:_ID_LENGTH], owner, datetime.now(UTC).isoformat(timespec="seconds"))
        await (await self.client()).hset(_KEY, digest, json.dumps(asdict(made)))
        return token

    async def owner_of(self, token: str) -> str:
        """Return the owner whose memory a token opens; "" for an unknown one.

        Each digest is compared in constant time.
        """
        given, owner = _digest(token), ""
        for digest, one in (await self._all()).items():
            if hmac.compare_digest(digest, given):
                owner = one.owner
        return owner

    async def list(self) -> list[ClientToken]:
        """List the tokens, oldest first."""
        return sorted((await self._all()).values(), key=lambda token: token.made)

    @translate_errors()
    async def delete(self, token_id: str) -> bool:
        """Delete a token by its id; return False if there is none."""
        gone = [digest for digest, one in (await self._all()).items() if one.id == token_id]
        return bool(gone) and bool(await (await self.client()).hdel(_KEY, *gone))

    @translate_errors()
    async def _all(self) -> dict[str, ClientToken]:
        found: Any = await (await self.client()).hgetall(_KEY)
        return {digest.decode(): ClientToken(**json.loads(one)) for digest, one in found.items()}


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
