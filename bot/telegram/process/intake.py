"""Intake of updates by polling or webhook: stored first, then acknowledged."""

import asyncio
import hmac
import json
import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from telegram import Bot
from telegram.error import Conflict, EndPointNotFound, InvalidToken, RetryAfter, TelegramError

from bot.http_server import read_body
from bot.telegram.inbox.lanes import Arrival, Lanes
from bot.telegram.outbox.courier import brief, retry_seconds
from bot.telegram.place import lane_of
from bot.telegram.turn_records import BotKeys
from graph.checkpoint.thread_leases import RELEASE, RENEW
from memory.concurrency.tasks import end
from memory.errors import TierUnavailable
from memory.working.redis_connection import GetRedis, run_script, translate_errors

ALLOWED_UPDATES = ["message", "edited_message", "callback_query", "message_reaction"]
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - a header's name
RAW_UPDATES = "getupdates"
"""In lower case so that python-telegram-bot does not use its own method, which one malformed update stops."""
POLL_SECONDS = 25
LEADER_SECONDS = 10.0
_SAID = {"text", "entities", "caption", "caption_entities", "reply_to_message", "quote"}
_PAUSE = 1.0
_CONFLICT_PAUSE = 5.0
_LONGEST_PAUSE = 30.0
_MOST_BYTES = 4 * 1024 * 1024
CONFLICT = (
    "Another program polls Telegram with this bot's token, so some messages go there and get no answer here. "
    "Stop that program."
)
logger = logging.getLogger(__name__)


def arrivals(updates: object) -> list[Arrival]:
    """Return the updates of a getUpdates reply that have an id; others are logged."""
    new_arrivals = []
    for update in updates if isinstance(updates, Sequence) else []:
        update_id = update.get("update_id") if isinstance(update, Mapping) else None
        if not isinstance(update_id, int):
            logger.error("Telegram sent something without an update_id; it is ignored.")
            continue
        new_arrivals.append(Arrival(update_id, lane_of(update), json.dumps(_slim(update)).encode()))
    return new_arrivals


def _slim(update: Mapping[str, Any]) -> Mapping[str, Any]:
    """Drop the text of a pressed button's message, which may be what the press is to forget."""
    query = update.get("callback_query")
    message = query.get("message") if isinstance(query, Mapping) else None
    if not isinstance(query, Mapping) or not isinstance(message, Mapping):
        return update
    kept = {name: value for name, value in message.items() if name not in _SAID}
    return {**update, "callback_query": {**query, "message": kept}}


class Leadership:
    """Lease of the one process that polls, among those that share the lanes."""

    def __init__(self, client: GetRedis, keys: BotKeys) -> None:
        self._client = client
        self._key = keys("poller")
        self._token = secrets.token_hex(8)

    @translate_errors()
    async def acquire(self) -> bool:
        """Acquire or renew the lease; return True if this process holds it."""
        client, milliseconds = await self._client(), int(LEADER_SECONDS * 1000)
        if await client.set(self._key, self._token, nx=True, px=milliseconds):
            return True
        return bool(await run_script(self._client, RENEW, [self._key], self._token, milliseconds))

    async def give_up(self) -> None:
        """Release the lease."""
        await run_script(self._client, RELEASE, [self._key], self._token)


class Poller:
    """Polls Telegram; the next request's offset acknowledges the stored updates."""

    def __init__(self, bot: Bot, lanes: Lanes, leadership: Leadership) -> None:
        self._bot = bot
        self._lanes = lanes
        self._leadership = leadership
        self._offset = 0
        self._pause = _PAUSE
        self.is_leader = False

    async def run(self) -> None:
        """Poll until cancelled.

        Raises:
            InvalidToken: the token was revoked.
        """
        lease_task = asyncio.create_task(self._keep_lease())
        try:
            while True:
                await (self._poll() if self.is_leader else asyncio.sleep(_PAUSE / 4))
        finally:
            await end(lease_task)
            if self.is_leader:
                await asyncio.gather(self._leadership.give_up(), return_exceptions=True)

    async def _keep_lease(self) -> None:
        while True:
            try:
                self.is_leader = await self._leadership.acquire()
            except TierUnavailable as error:
                self.is_leader = False
                logger.warning("No updates are received: %s", error)
            await asyncio.sleep(LEADER_SECONDS / 4 if self.is_leader else _PAUSE)

    async def _poll(self) -> None:
        try:
            updates = await self._bot.do_api_request(
                RAW_UPDATES,
                {"offset": self._offset, "timeout": POLL_SECONDS, "allowed_updates": ALLOWED_UPDATES},
                read_timeout=POLL_SECONDS + 10,
            )
        except InvalidToken:
            raise
        except EndPointNotFound as error:  # raised for a refused token by a raw call
            await self._bot.get_me()
            await self._back_off(str(error))
        except Conflict:
            await self._on_conflict()
        except RetryAfter as error:
            await asyncio.sleep(retry_seconds(error))
        except TelegramError as error:
            await self._back_off(brief(error))
        else:
            self._pause = _PAUSE
            await self._store(arrivals(updates))

    async def _store(self, new_arrivals: Sequence[Arrival]) -> None:
        """Store updates, retrying as long as needed; only then advance the offset."""
        while new_arrivals:
            try:
                await self._lanes.put(new_arrivals)
            except TierUnavailable as error:
                await self._back_off(str(error))
            else:
                self._offset = max(arrival.update_id for arrival in new_arrivals) + 1
                self._pause = _PAUSE
                return

    async def _on_conflict(self) -> None:
        """Wait, since another process of this bot may just have acquired the lease; else log the conflict."""
        await asyncio.sleep(_CONFLICT_PAUSE)
        if self.is_leader:
            logger.error(CONFLICT)

    async def _back_off(self, reason: str) -> None:
        logger.warning("No updates are received, retrying in %.0f s: %s", self._pause, reason)
        await asyncio.sleep(self._pause)
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)


class Receiver:
    """Webhook endpoint; Telegram repeats every post that is not answered with 200."""

    def __init__(self, lanes: Lanes, secret: str) -> None:
        self._lanes = lanes
        self._secret = secret.encode()

    async def __call__(self, request: Request) -> Response:
        """Store the posted update: 200 when stored, 503 if Redis is down, 403 without the secret."""
        shown = request.headers.get(SECRET_HEADER, "").encode("utf-8", "replace")
        if not hmac.compare_digest(shown, self._secret):
            return Response(status_code=403)
        body = await read_body(request, _MOST_BYTES)
        if body is None:
            return Response(status_code=413)
        try:
            new_arrivals = arrivals([json.loads(body)])
        except (ValueError, RecursionError):
            return Response(status_code=400)
        try:
            if new_arrivals:
                await self._lanes.put(new_arrivals)
        except TierUnavailable as error:
            logger.warning("A message was refused, Telegram will send it again: %s", error)
            return Response(status_code=503)
        return Response(status_code=200)
