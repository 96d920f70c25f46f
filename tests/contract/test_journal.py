"""The journal of unfinished turns, on a real server."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from memory.models import Episode
from memory.working.redis_journal import JournalEntry, RedisJournal
from tests.contract.redis_servers import connected


@pytest.fixture
async def journal(valkey_url: str) -> AsyncIterator[RedisJournal]:
    async with connected(valkey_url) as connection:
        yield RedisJournal(connection.client)


def entry(turn_id: str, owner: str = "ana") -> JournalEntry:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    episode = Episode(turn_id=turn_id, owner=owner, thread="1", message="m", reply="", at=at)
    return JournalEntry(episode=episode)


async def test_an_entry_that_cannot_be_read_holds_no_other_up(
    journal: RedisJournal, caplog: pytest.LogCaptureFixture
) -> None:
    for one in (entry("damaged"), entry("readable"), entry("other", "bob")):
        await journal.add(one)
    client = await journal.client()
    async for key in client.scan_iter(match="goat:journal:*"):
        if await client.hexists(key, "damaged"):
            await client.hset(key, "damaged", '{"episode": {"turn_id": "da')
    assert [one.episode.turn_id for one in await journal.of_owner("ana")] == ["readable"]
    found = [one.episode.turn_id async for one in journal.all()]
    assert sorted(found) == ["other", "readable"]
    assert "cannot be read" in caplog.text
