"""`goat forget`: what is chosen is shown, asked about, and erased."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from bot.commands.erase_command import read_numbers
from graph.layers import open_layers
from graph.settings.settings import Settings
from memory.models import Episode
from tests.goat import Goat

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOLD = ("The boat is called Merganser.", "I have a bicycle.", "The boat leaks.")

pytestmark = pytest.mark.usefixtures("hash_vectors")


async def fill(settings: Settings) -> None:
    async with open_layers(settings) as layers:
        for number, message in enumerate(TOLD):
            at, turn_id = AT + timedelta(days=number), f"turn-{number}"
            await layers.episodes.append(
                Episode(turn_id=turn_id, owner="me", thread="t", message=message, reply="", at=at)
            )
        await layers.permanent.upsert("boat", "Merganser", owner="me", at=AT)


async def messages(settings: Settings) -> list[str]:
    async with open_layers(settings) as layers:
        return [episode.message async for episode in layers.episodes.all(owner="me")]


def test_turns_are_found_shown_and_erased(
    goat: Goat, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOAT_DATA_FOLDER", str(settings.data_folder))
    monkeypatch.setenv("GOAT_TIMEZONE", "UTC")
    asyncio.run(fill(settings))
    refused = goat("forget", "boat")
    assert refused.status != 0
    assert "--yes" in refused.shown
    assert goat("forget", "--yes").status != 0
    by_time = goat("forget", "--since", "2026-03-01", "--until", "2026-03-02", "--yes")
    assert by_time.status == 0, by_time.shown
    for part in ("2026-03-01 12:00", "Merganser", "fact boat", "1 turn erased", "Exports and backups"):
        assert part in by_time.shown
    assert "None is left" in by_time.shown
    assert "still repeats" not in by_time.shown
    assert asyncio.run(messages(settings)) == [*TOLD[1:]]
    assert "1 turn erased" in goat("forget", "boat", "--thread", "t", "--until", "2026-03-09", "--yes").shown
    assert asyncio.run(messages(settings)) == ["I have a bicycle."]
    assert "No turn is found" in goat("forget", "boat", "--thread", "other", "--yes").shown
    assert "Everything is erased" in goat("forget", "--everything", "--yes").shown
    assert asyncio.run(messages(settings)) == []


async def fill_bots(settings: Settings) -> None:
    """Write what two bots keep of the owner, who writes from chat 101, of chat 102 and of a group."""
    async with open_layers(settings) as layers:
        client = await layers.redis.client()
        for bot in (7, 8):
            prefix = f"goat:{{telegram:{bot}}}"
            await client.hset(f"{prefix}:moved", "-1002", "-2")
            for number, owner in enumerate(("me", "telegram-102", "telegram-group-2")):
                about = {"turn_id": f"turn-{number}", "owner": owner, "thread": "t"}
                await client.hset(f"{prefix}:turn:{number}", mapping=dict(about.items()))
                await client.set(f"{prefix}:tool:{number}", json.dumps({**about, "call": "echo walnut"}))
                await client.set(f"{prefix}:correction:{number}", json.dumps(about))
                await client.set(f"{prefix}:forget:{number}", json.dumps({"owner": owner, "key": "Boat"}))
            for chat in (101, 102, -1002):
                update = {"update_id": 1, "message": {"text": "walnut", "chat": {"id": chat}}}
                await client.lpush(f"{prefix}:dead", json.dumps({"at": 1.5, "update": json.dumps(update)}))
            await client.lpush(f"{prefix}:dead", json.dumps({"at": 1.5, "update": "[]"}))


async def kept_by_bots(settings: Settings) -> list[tuple[list[str], int]]:
    """List the kind and number of each bot's questions and records, and count its dead updates."""
    async with open_layers(settings) as layers:
        client, kept = await layers.redis.client(), []
        for bot in (7, 8):
            prefix = f"goat:{{telegram:{bot}}}:"
            found = [
                key.decode().removeprefix(prefix) async for key in client.scan_iter(match=f"{prefix}*:*")
            ]
            kept.append((sorted(found), await client.llen(f"{prefix}dead")))
        return kept


def kept(*numbers: int) -> list[str]:
    """Name what a bot keeps of the owners with these numbers."""
    return [f"{kind}:{number}" for kind in ("correction", "forget", "tool", "turn") for number in numbers]


def test_what_bots_keep_of_an_owner_is_erased_and_not_what_they_keep_of_others(
    goat: Goat, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOAT_DATA_FOLDER", str(settings.data_folder))
    monkeypatch.setenv("GOAT_TELEGRAM_ME", "101")
    asyncio.run(fill(settings))
    asyncio.run(fill_bots(settings))
    assert "1 turn erased" in goat("forget", "bicycle", "--yes").shown
    assert asyncio.run(kept_by_bots(settings))[0][0] == kept(0, 1, 2)
    assert "1 turn erased" in goat("forget", "--until", "2026-03-02", "--yes").shown
    others = kept(1, 2)
    assert asyncio.run(kept_by_bots(settings)) == [(sorted([*others, "forget:0"]), 4)] * 2
    asyncio.run(fill_bots(settings))
    assert "fact is erased" in goat("facts", "forget", "boat", "--yes").shown
    assert asyncio.run(kept_by_bots(settings))[1][0] == sorted([*others, "correction:0", "turn:0"])
    assert "Everything is erased" in goat("forget", "--everything", "--yes").shown
    assert asyncio.run(kept_by_bots(settings)) == [(others, 6)] * 2
    assert (
        "Everything is erased" in goat("forget", "--everything", "--yes", "--owner", "telegram-group-2").shown
    )
    assert asyncio.run(kept_by_bots(settings)) == [(kept(1), 4)] * 2


def test_a_fact_is_shown_with_its_history_and_what_repeats_it_and_erased(
    goat: Goat, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOAT_DATA_FOLDER", str(settings.data_folder))
    monkeypatch.setenv("GOAT_TIMEZONE", "UTC")
    asyncio.run(fill(settings))
    assert "--yes" in goat("facts", "forget", "boat").shown
    assert "no such fact" in goat("facts", "forget", "ship", "--yes").shown
    assert "no such fact" in goat("facts", "forget", "boat", "--owner", "other", "--yes").shown
    forgotten = goat("facts", "forget", "Boat", "--yes").shown
    for part in (
        "2026-03-01 12:00  boat: Merganser",
        TOLD[0],
        "The fact is erased",
        "Nothing in it is as long",
    ):
        assert part in forgotten
    assert "Merganser" not in goat("facts", "--as-of", "2026-03-02").shown
    assert asyncio.run(messages(settings)) == [*TOLD]


def test_it_says_that_words_may_find_more_and_a_time_range_is_searched_beyond_the_best(
    goat: Goat, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOAT_DATA_FOLDER", str(settings.data_folder))
    monkeypatch.setenv("GOAT_TIMEZONE", "UTC")

    async def fill_many() -> None:
        texts = [*["a walnut"] * 30, "one walnut that is last, after many other words"]
        async with open_layers(settings) as layers:
            for number, message in enumerate(texts):
                at, turn_id = AT + timedelta(days=number), f"turn-{number}"
                await layers.episodes.append(
                    Episode(turn_id=turn_id, owner="me", thread="t", message=message, reply="", at=at)
                )

    asyncio.run(fill_many())
    assert "1 turn erased" in goat("forget", "walnut", "--since", "2026-03-31", "--yes").shown
    first, second = goat("forget", "walnut", "--yes").shown, goat("forget", "walnut", "--yes").shown
    assert "20 turns erased" in first
    assert "there may be more" in first
    assert "10 turns erased" in second
    assert "there may be more" not in second


def test_numbers_are_read_with_ranges_and_nothing_else() -> None:
    assert read_numbers("3, 1-2 2", 3) == [1, 2, 3]
    assert read_numbers("ALL", 2) == [1, 2]
    assert read_numbers("none", 2) == []
    for wrong in ("", "0", "4", "2-1", "3-1 2", "x", "1-x", "-1", "1 all", f"1-{10**18}"):
        with pytest.raises(ValueError, match="from 1 to 3"):
            read_numbers(wrong, 3)
