"""What every `PermanentStore` keeps to."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from memory.errors import FactsFull
from memory.owner_files import OwnerFiles
from memory.permanent.embedded import EmbeddedPermanentStore

START = datetime(2025, 3, 1, 12, tzinfo=UTC)

OpenStore = Callable[..., EmbeddedPermanentStore]


def later(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


@pytest.fixture
async def open_store(tmp_path: Path) -> AsyncIterator[OpenStore]:
    """Open the same data as often as wanted, each time with connections of its own."""
    opened: list[OwnerFiles] = []

    def open_one(max_tokens: int = 100_000) -> EmbeddedPermanentStore:
        opened.append(OwnerFiles(lambda: tmp_path / "owners"))
        return EmbeddedPermanentStore(
            opened[-1], count_tokens=lambda text: len(text.split()), max_tokens=lambda: max_tokens
        )

    yield open_one
    for files in opened:
        await files.close()


@pytest.fixture
def store(open_store: OpenStore) -> EmbeddedPermanentStore:
    return open_store()


async def current(
    store: EmbeddedPermanentStore, owner: str = "ana", as_of: datetime | None = None
) -> dict[str, str]:
    return {fact.key: fact.value for fact in await store.facts(owner=owner, as_of=as_of)}


async def test_the_newest_value_of_a_key_wins_whatever_the_order_of_writing(
    store: EmbeddedPermanentStore,
) -> None:
    await store.upsert("city", "Cluj", owner="ana", at=later(2))
    await store.upsert("city", "Iași", owner="ana", at=later(1))
    assert await current(store) == {"city": "Cluj"}
    await store.upsert("city", "Brașov", owner="ana", at=later(2))
    assert await current(store) == {"city": "Brașov"}
    history = await store.history("city", owner="ana")
    assert [(fact.value, fact.at) for fact in history] == [
        ("Brașov", later(2)),
        ("Cluj", later(2)),
        ("Iași", later(1)),
    ]


async def test_facts_come_newest_first_and_as_they_stood(store: EmbeddedPermanentStore) -> None:
    await store.upsert("job", "baker", owner="ana", at=later(1))
    await store.upsert("pet", "cat", owner="ana", at=later(2))
    await store.upsert("job", "pilot", owner="ana", at=later(3))
    assert await store.forget("pet", owner="ana", at=later(4))
    assert [fact.key for fact in await store.facts(owner="ana")] == ["job"]
    assert [fact.key for fact in await store.facts(owner="ana", as_of=later(3))] == ["job", "pet"]
    assert await current(store, as_of=later(2.5)) == {"job": "baker", "pet": "cat"}
    assert await current(store, as_of=later(0)) == {}
    assert [fact.value for fact in await store.history("pet", owner="ana")] == ["cat"]


async def test_forgetting_what_is_not_there(store: EmbeddedPermanentStore) -> None:
    assert not await store.forget("job", owner="ana", at=START)
    await store.upsert("job", "baker", owner="ana", at=later(1))
    assert not await store.forget("job", owner="ana", at=later(0))
    assert await store.forget("JOB ", owner="ana", at=later(1))
    assert not await store.forget("job", owner="ana", at=later(2))
    await store.upsert("job", "pilot", owner="ana", at=later(3))
    assert await current(store) == {"job": "pilot"}


async def test_spellings_of_a_key_are_one_key(store: EmbeddedPermanentStore) -> None:
    await store.upsert(" Caf\u00e9 ", "Nero", owner="ana", at=later(1))
    await store.upsert("cafe\u0301", "Bianco", owner="ana", at=later(2))
    assert await current(store) == {"caf\u00e9": "Bianco"}
    assert len(await store.history("CAFÉ", owner="ana")) == 2


@pytest.mark.parametrize("key", ["", " \n", "k" * 201, "a\ud800"])
async def test_keys_that_name_nothing_are_refused(store: EmbeddedPermanentStore, key: str) -> None:
    with pytest.raises(ValueError, match="the key of a fact"):
        await store.upsert(key, "value", owner="ana", at=START)


async def test_values_are_verbatim(store: EmbeddedPermanentStore) -> None:
    value = " 🦉\0\r\n'; DROP TABLE facts; -- "
    await store.upsert("k" * 200, value, owner="ana", at=START)
    assert [fact.value for fact in await store.facts(owner="ana")] == [value]
    with pytest.raises(ValueError, match="the value of a fact"):
        await store.upsert("x", "\udfff", owner="ana", at=START)


async def test_past_the_cap_a_fact_is_refused_with_the_numbers(open_store: OpenStore) -> None:
    store = open_store(max_tokens=8)
    await store.upsert("a", "one two three", owner="ana", at=later(1))
    await store.upsert("b", "one two three", owner="ana", at=later(1))
    with pytest.raises(FactsFull, match=r"'c'.*10 tokens of 8 \(8 now\).*forget a fact"):
        await store.upsert("c", "one", owner="ana", at=later(2))
    await store.upsert("a", "one", owner="ana", at=later(3))
    await store.upsert("c", "one", owner="ana", at=later(4))
    assert await current(store) == {"c": "one", "a": "one", "b": "one two three"}
    assert await store.history("c", owner="ana")
    await open_store(max_tokens=1).upsert("b", "one", owner="ana", at=later(5))


async def test_the_cap_holds_however_many_write_at_once(open_store: OpenStore) -> None:
    stores = [open_store(max_tokens=20) for _ in range(4)]
    writes = [stores[n % 4].upsert(f"k{n}", "v", owner="ana", at=later(n)) for n in range(40)]
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(result) for result in results if result is not None] == [FactsFull] * 30
    assert len(await current(stores[0])) == 10


WRITER = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from memory.owner_files import OwnerFiles
from memory.permanent.embedded import EmbeddedPermanentStore

async def main():
    files = OwnerFiles(lambda: Path(sys.argv[1]))
    store = EmbeddedPermanentStore(files, count_tokens=len, max_tokens=lambda: 10**9)
    at = datetime(2025, 1, 1, tzinfo=UTC)
    await asyncio.gather(*(store.upsert(f"{sys.argv[2]}-{n}", "v", owner="ana", at=at) for n in range(100)))
    await files.close()

asyncio.run(main())
"""


async def test_writers_in_two_processes_lose_nothing(store: EmbeddedPermanentStore, tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "owners")]
    writers = [subprocess.Popen([*command, name]) for name in ("left", "right")]  # noqa: ASYNC220
    assert [await asyncio.to_thread(writer.wait) for writer in writers] == [0, 0]
    assert len(await current(store)) == 200


async def test_identity_has_an_override_and_a_history(store: EmbeddedPermanentStore) -> None:
    assert await store.identity(owner="ana") is None
    await store.set_identity("a pirate", owner="ana")
    await store.set_identity("", owner="ana")
    assert await store.identity(owner="ana") == ""
    await store.set_identity(None, owner="ana")
    assert await store.identity(owner="ana") is None
    assert [text for text, _ in await store.identity_history(owner="ana")] == [None, "", "a pirate"]


async def test_owners_never_meet_and_erasing_one_leaves_the_others(store: EmbeddedPermanentStore) -> None:
    for owner in ("ana", "Ana", "", "../ana"):
        await store.upsert("name", f"<{owner}>", owner=owner, at=START)
        await store.set_identity(f"for {owner}", owner=owner)
    await store.erase(owner="Ana")
    assert await current(store, "Ana") == {}
    assert await store.history("name", owner="Ana") == []
    assert await store.identity(owner="Ana") is None
    for owner in ("ana", "", "../ana"):
        assert await current(store, owner) == {"name": f"<{owner}>"}
        assert await store.identity(owner=owner) == f"for {owner}"


async def test_a_time_without_a_zone_is_refused(store: EmbeddedPermanentStore) -> None:
    with pytest.raises(ValueError, match="time zone"):
        await store.upsert("k", "v", owner="ana", at=datetime(2025, 1, 1))  # noqa: DTZ001
