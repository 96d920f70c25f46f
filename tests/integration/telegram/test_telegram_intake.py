"""Updates that cannot be stored: Telegram keeps them, and gives them again."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import telegram
from starlette.applications import Starlette
from starlette.routing import Route

from bot.telegram.inbox.lanes import Lanes
from bot.telegram.process import intake
from bot.telegram.process.intake import SECRET_HEADER, Leadership, Poller, Receiver
from bot.telegram.turn_records import BotKeys
from memory.concurrency.tasks import end
from memory.errors import TierUnavailable
from memory.working.redis_connection import RedisConnection
from tests.plugins import until
from tests.servers.telegram import running_bot_api

UPDATE = {"update_id": 5, "message": {"message_id": 1, "chat": {"id": 1, "type": "private"}, "date": 1}}


class Redis:
    """A connection that is away for as long as it is told."""

    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection
        self.is_away = True
        self.refused = 0

    async def client(self) -> Any:
        if self.is_away:
            self.refused += 1
            raise TierUnavailable("working", "away")
        return await self._connection.client()


@pytest.fixture
async def redis(valkey_url: str) -> AsyncIterator[Redis]:
    connection = RedisConnection(valkey_url)
    yield Redis(connection)
    await connection.close()


async def test_a_webhook_is_answered_with_200_only_for_what_is_stored(redis: Redis) -> None:
    lanes = Lanes(redis.client, BotKeys(7), lease=60)
    receive = Receiver(lanes, "secret").__call__
    app = Starlette(routes=[Route("/", receive, methods=["POST"])])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://bot") as telegram_server:
        post = telegram_server.post
        assert (await post("/", json=UPDATE, headers={SECRET_HEADER: "secret"})).status_code == 503
        redis.is_away = False
        assert (await post("/", json=UPDATE, headers={SECRET_HEADER: "secret"})).status_code == 200
    assert await lanes.claim() is not None


async def test_what_was_asked_for_is_acknowledged_only_when_it_is_stored(
    redis: Redis, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "_PAUSE", 0.05)
    monkeypatch.setattr(intake, "_LONGEST_PAUSE", 0.05)
    lanes, connection = Lanes(redis.client, BotKeys(7), lease=60), RedisConnection(valkey_url)
    with running_bot_api() as api:
        async with telegram.Bot(api.token, base_url=f"{api.url}/bot") as bot:
            poller = Poller(bot, lanes, Leadership(connection.client, BotKeys(7)))
            polling = asyncio.create_task(poller.run())
            try:
                api.says(1, "hello")
                await until(lambda: redis.refused > 2)
                redis.is_away = False
                async with asyncio.timeout(60):
                    while (claim := await lanes.claim()) is None:
                        await lanes.wait(1)
            finally:
                await end(polling)
                await connection.close()
    assert b"hello" in claim.update
