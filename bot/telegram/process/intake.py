"""How updates come in: asked for or received, stored, and only then acknowledged."""

import asyncio
import hmac
import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from redis.asyncio import Redis
from starlette.requests import Request
from starlette.responses import Response
from telegram import Bot
from telegram.error import Conflict, EndPointNotFound, InvalidToken, RetryAfter, TelegramError

from bot.telegram.inbox.lanes import Arrival, Lanes
from bot.telegram.outbox.courier import seconds_of
from bot.telegram.place import lane_of
from bot.telegram.turn_records import Keys
from memory.concurrency.deadline import end
from memory.errors import TierUnavailable
from memory.working.redis_connection import translate_errors

ALLOWED_UPDATES = ["message", "edited_message", "callback_query", "message_reaction"]
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - a header's name
RAW_UPDATES = "getupdates"
"""In lower case: python-telegram-bot would rather have its own method, which one bad update stops."""
POLL_SECONDS = 25
LEADER_SECONDS = 10.0
_PAUSE = 1.0
_CONFLICT_PAUSE = 5.0
_LONGEST_PAUSE = 30.0
_MOST_BYTES = 4 * 1024 * 1024
_IF_MINE = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end "
CONFLICT = (
    "Another program asks Telegram for this bot's messages with the same token. End it: messages go to "
    "either of the two."
)
logger = logging.getLogger(__name__)


def arrivals(updates: object) -> list[Arrival]:
    """Return what can be stored of an answer to getUpdates; what has no id of its own is logged."""
    found = []
    for update in updates if isinstance(updates, Sequence) else []:
        update_id = update.get("update_id") if isinstance(update, Mapping) else None
        if not isinstance(update_id, int):
            logger.error("Telegram sent something without an update_id; it is left out.")
            continue
        found.append(Arrival(update_id, lane_of(update), json.dumps(update).encode()))
    return found


class Leadership:
    """Who asks Telegram, of all processes that share the lanes."""

    def __init__(self, client: Callable[[], Awaitable[Redis]], keys: Keys) -> None:
        self._client = client
        self._key = keys("poller")
        self._token = secrets.token_hex(8)

    @translate_errors()
    async def held(self) -> bool:
        """Take the lead when nobody has it, or keep it; return whether this process has it."""
        client, milliseconds = await self._client(), int(LEADER_SECONDS * 1000)
        if await client.set(self._key, self._token, nx=True, px=milliseconds):
            return True
        renew = _IF_MINE + "return redis.call('PEXPIRE', KEYS[1], ARGV[2])"
        return bool(await client.eval(renew, 1, self._key, self._token, milliseconds))

    @translate_errors()
    async def give_up(self) -> None:
        """Let another process take the lead at once."""
        await (await self._client()).eval(
            _IF_MINE + "return redis.call('DEL', KEYS[1])", 1, self._key, self._token
        )


class Poller:
    """Ask Telegram for updates; what it sends is acknowledged by asking for what comes after it."""

    def __init__(self, bot: Bot, lanes: Lanes, leadership: Leadership) -> None:
        self._bot = bot
        self._lanes = lanes
        self._leadership = leadership
        self._offset = 0
        self._pause = _PAUSE
        self.leads = False

    async def run(self) -> None:
        """Take in updates until cancelled.

        Raises:
            InvalidToken: the token was revoked.
        """
        leading = asyncio.create_task(self._keep_lead())
        try:
            while True:
                await (self._once() if self.leads else asyncio.sleep(_PAUSE / 4))
        finally:
            await end(leading)
            if self.leads:
                await asyncio.gather(self._leadership.give_up(), return_exceptions=True)

    async def _keep_lead(self) -> None:
        while True:
            try:
                self.leads = await self._leadership.held()
            except TierUnavailable as error:
                self.leads = False
                logger.warning("No messages are taken in: %s", error)
            await asyncio.sleep(LEADER_SECONDS / 4 if self.leads else _PAUSE)

    async def _once(self) -> None:
        try:
            updates = await self._bot.do_api_request(
                RAW_UPDATES,
                {"offset": self._offset, "timeout": POLL_SECONDS, "allowed_updates": ALLOWED_UPDATES},
                read_timeout=POLL_SECONDS + 10,
            )
        except InvalidToken:
            raise
        except EndPointNotFound as error:  # what a refused token looks like to a raw call
            await self._bot.get_me()
            await self._back_off(str(error))
        except Conflict:
            await self._on_conflict()
        except RetryAfter as error:
            await asyncio.sleep(seconds_of(error))
        except TelegramError as error:
            await self._back_off(str(error))
        else:
            self._pause = _PAUSE
            await self._take_in(arrivals(updates))

    async def _take_in(self, found: Sequence[Arrival]) -> None:
        """Store updates, however long that takes; only then move on."""
        while found:
            try:
                await self._lanes.put(found)
            except TierUnavailable as error:
                await self._back_off(str(error))
            else:
                self._offset = max(arrival.update_id for arrival in found) + 1
                self._pause = _PAUSE
                return

    async def _on_conflict(self) -> None:
        """Wait; another process of ours may just have taken the lead."""
        await asyncio.sleep(_CONFLICT_PAUSE)
        if self.leads:
            logger.error(CONFLICT)

    async def _back_off(self, reason: str) -> None:
        logger.warning("Messages are not taken in, trying again in %.0f s: %s", self._pause, reason)
        await asyncio.sleep(self._pause)
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)


class Receiver:
    """Take what Telegram posts; it posts again whatever is not answered with 200."""

    def __init__(self, lanes: Lanes, secret: str) -> None:
        self._lanes = lanes
        self._secret = secret.encode()

    async def __call__(self, request: Request) -> Response:
        """Store the update of a request: 200 once it is, 503 when it cannot be, 403 without the secret."""
        shown = request.headers.get(SECRET_HEADER, "").encode("utf-8", "replace")
        if not hmac.compare_digest(shown, self._secret):
            return Response(status_code=403)
        body = await _body(request)
        if body is None:
            return Response(status_code=413)
        try:
            found = arrivals([json.loads(body)])
        except (ValueError, RecursionError):
            return Response(status_code=400)
        try:
            if found:
                await self._lanes.put(found)
        except TierUnavailable as error:
            logger.warning("A message was refused, Telegram will send it again: %s", error)
            return Response(status_code=503)
        return Response(status_code=200)


async def _body(request: Request) -> bytes | None:
    """Return the body of a request; None when it is too long, whatever its header says."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            return None
    return bytes(body)


def update_of(raw: bytes) -> dict[str, Any]:
    """Read a stored update."""
    found: dict[str, Any] = json.loads(raw)
    return found
