"""`goat facts`: facts shown, and copied from one store to the other and back."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from graph.layers import open_layers
from graph.settings.settings import Settings
from memory.permanent.permanent_records import CopyRefused, FactRecord, Records, copy_owner
from tests.goat import Goat
from tests.servers.letta import LettaServer, running_letta_server

AT = datetime(2025, 3, 1, 12, tzinfo=UTC)
TOKEN = "a-secret-token"


@pytest.fixture
def server() -> Iterator[LettaServer]:
    with running_letta_server(token=TOKEN) as server:
        yield server


@pytest.fixture
def configured(server: LettaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("GOAT_DATA_FOLDER", str(tmp_path / "data"))
    monkeypatch.setenv("GOAT_TIMEZONE", "UTC")
    monkeypatch.setenv("GOAT_LETTA_URL", server.url)
    monkeypatch.setenv("GOAT_LETTA_TOKEN", TOKEN)
    return Settings()


async def fill(settings: Settings) -> None:
    async with open_layers(settings) as layers:
        store = layers.embedded_permanent
        await store.upsert("city", "Cluj", owner="me", at=AT)
        await store.upsert("city", "Brașov", owner="me", at=AT + timedelta(days=1))
        await store.upsert("pet", "a cat\x1b[2J", owner="me", at=AT)
        await store.forget("pet", owner="me", at=AT + timedelta(days=2))
        await store.set_identity("a pirate", owner="me")
        await store.upsert("city", "Iași", owner="telegram-1", at=AT)


def test_facts_are_copied_with_their_history_once_and_shown_as_they_stood(
    goat: Goat, configured: Settings, server: LettaServer
) -> None:
    asyncio.run(fill(configured))
    first = goat("facts", "copy", "--from", "embedded", "--to", "letta")
    assert first.status == 0, first.shown
    assert "2 facts in 4 versions, and 1 versions of the identity in embedded, 5 of them new" in first.shown
    patches = server.count("PATCH")
    assert "all there already" in goat("facts", "copy", "--from", "embedded", "--to", "letta").shown
    assert server.count("PATCH") == patches
    shown = goat("facts", "list").shown
    assert goat("facts").shown == shown
    assert "Brașov" in shown
    assert "cat" not in shown
    then = goat("facts", "list", "--as-of", "2025-03-01").shown
    assert "Cluj" in then
    assert "a cat[2J" in then
    assert "\x1b[2J" not in then
    assert "No facts" in goat("facts", "list", "--as-of", "2025-03-01T11:59").shown


def test_everybodys_facts_go_and_come_back(goat: Goat, configured: Settings) -> None:
    asyncio.run(fill(configured))
    assert goat("facts", "copy", "--from", "embedded", "--to", "letta", "--all-owners").status == 0

    async def move() -> tuple[Records, Records]:
        async with open_layers(configured) as layers:
            before = await layers.embedded_permanent.records(owner="me")
            for owner in ("me", "telegram-1"):
                await layers.embedded_permanent.erase(owner=owner)
            return before, await layers.letta_permanent.records(owner="me")

    before, copied = asyncio.run(move())
    assert before == copied
    back = goat("facts", "copy", "--from", "letta", "--to", "embedded", "--all-owners")
    assert "telegram-1: 1 facts in 1 versions" in back.shown

    async def read() -> Records:
        async with open_layers(configured) as layers:
            return await layers.embedded_permanent.records(owner="me")

    assert asyncio.run(read()) == before


async def test_a_target_that_holds_something_else_is_left_alone_unless_merged(configured: Settings) -> None:
    await fill(configured)
    async with open_layers(configured) as layers:
        source, target = layers.embedded_permanent, layers.letta_permanent
        await target.upsert("city", "Arad", owner="me", at=AT + timedelta(days=9))
        before = await target.records(owner="me")
        with pytest.raises(CopyRefused, match=r"1 writings of me .*--merge"):
            await copy_owner(source, target, owner="me")
        assert await target.records(owner="me") == before
        await copy_owner(source, target, owner="me", merge=True)
        assert {fact.key: fact.value for fact in await target.facts(owner="me")} == {"city": "Arad"}
        assert await target.identity(owner="me") == "a pirate"
        assert FactRecord("city", "Cluj", AT) in (await target.records(owner="me")).facts
        assert not (await copy_owner(source, target, owner="me", merge=True)).added


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["copy", "--from", "letta", "--to", "letta"], "same store"),
        (["copy", "--from", "letta", "--to", "embedded", "--owner", "x", "--all-owners"], "exclude"),
        (["list", "--as-of", "yesterday"], "no date"),
    ],
)
def test_what_makes_no_sense_is_refused(
    goat: Goat, configured: Settings, arguments: list[str], text: str
) -> None:
    refused = goat("facts", *arguments)
    assert refused.status != 0
    assert text in refused.shown


def test_without_a_server_there_is_nothing_to_copy_to(
    goat: Goat, configured: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOAT_LETTA_URL")
    refused = goat("facts", "copy", "--from", "embedded", "--to", "letta")
    assert refused.status == 1
    assert "GOAT_LETTA_URL" in refused.shown
