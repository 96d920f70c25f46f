"""What every `PermanentStore` keeps to."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from memory.database import OwnerTables
from memory.errors import FactsFull
from memory.owners.owner_files import OwnerFiles
from memory.owners.owner_partitions import OwnerPartitions
from memory.permanent.embedded_store import EmbeddedPermanentStore
from memory.permanent.letta.letta_store import LettaAddress, LettaPermanentStore
from memory.permanent.permanent_records import FactRecord, IdentityRecord, PermanentStore, Records
from tests.servers.letta import LettaServer, running_letta_server
from tests.servers.letta_state import LettaState
from tests.servers.postgres import PostgresServer

START = datetime(2025, 3, 1, 12, tzinfo=UTC)
OWNERS = ("ana", "Ana", "", "../ana", "ana\ud800")
TOKEN = "a-token"
REAL = os.environ.get("GOAT_TEST_LETTA_URL", "")
REAL_TOKEN = os.environ.get("GOAT_TEST_LETTA_TOKEN", "")
BACKENDS = ["embedded", "postgres", "letta-strict", "letta-lax", *(["letta-real"] if REAL else [])]

OpenStore = Callable[..., PermanentStore]


def later(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


@dataclass
class Backend:
    """One way to keep facts."""

    name: str
    folder: Path
    address: LettaAddress
    tables: list[OwnerTables]
    letta: list[LettaPermanentStore]
    archive_url: SecretStr

    def open(self, max_tokens: int = 100_000) -> PermanentStore:
        """Open the same data as often as wanted, each time with connections of its own."""
        if self.name.startswith("letta"):
            store = LettaPermanentStore(
                self.address,
                count_tokens=_words,
                max_tokens=max_tokens,
                lock_folder=self.folder / "locks",
                patience=1000,
            )
            self.letta.append(store)
            return self.letta[-1]
        own = OwnerPartitions(self.archive_url, busy_timeout=120) if self.archive_url else None
        self.tables.append(own or OwnerFiles(self.folder, busy_timeout=120))
        return EmbeddedPermanentStore(self.tables[-1], count_tokens=_words, max_tokens=max_tokens)

    def writers(self, count: int, max_tokens: int = 100_000) -> list[PermanentStore]:
        """Open for several writers at once, who lose nothing."""
        return [self.open(max_tokens) for _ in range(count)]

    async def close(self) -> None:
        """Close all, and leave nothing on a server that others use."""
        if self.name == "letta-real":
            await self.clear()
        for tables in self.tables:
            await tables.close()
        for store in self.letta:
            await store.aclose()

    async def clear(self) -> None:
        """Delete what the tests' owners have."""
        store = self.open()
        for owner in OWNERS:
            await store.erase(owner=owner)


def _words(text: str) -> int:
    return len(text.split())


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, LettaServer]]:
    """The servers of both ways."""
    with running_letta_server(strict=True, token=TOKEN) as strict, running_letta_server(token=TOKEN) as lax:
        yield {"letta-strict": strict, "letta-lax": lax}


@pytest.fixture(params=BACKENDS)
async def backend(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    servers: dict[str, LettaServer],
    postgres: PostgresServer,
) -> AsyncIterator[Backend]:
    url, token = REAL, REAL_TOKEN
    if request.param in servers:
        server = servers[request.param]
        server.state = LettaState(strict=server.state.strict)
        url, token = server.url, TOKEN
    address = LettaAddress(SecretStr(url), SecretStr(token), timeout=120)
    archive_url = SecretStr(postgres.new_url() if request.param == "postgres" else "")
    backend = Backend(request.param, tmp_path / "owners", address, [], [], archive_url)
    if request.param == "letta-real":
        await backend.clear()
    yield backend
    await backend.close()


@pytest.fixture
def open_store(backend: Backend) -> OpenStore:
    return backend.open


@pytest.fixture
def store(backend: Backend) -> PermanentStore:
    return backend.open()


async def current(store: PermanentStore, owner: str = "ana", as_of: datetime | None = None) -> dict[str, str]:
    return {fact.key: fact.value for fact in await store.facts(owner=owner, as_of=as_of)}


async def test_the_newest_value_of_a_key_wins_whatever_the_order_of_writing(
    store: PermanentStore,
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


async def test_facts_come_newest_first_and_as_they_stood(store: PermanentStore) -> None:
    await store.upsert("job", "baker", owner="ana", at=later(1))
    await store.upsert("pet", "cat", owner="ana", at=later(2))
    await store.upsert("job", "pilot", owner="ana", at=later(3))
    assert await store.forget("pet", owner="ana", at=later(4))
    assert [fact.key for fact in await store.facts(owner="ana")] == ["job"]
    assert [fact.key for fact in await store.facts(owner="ana", as_of=later(3))] == ["job", "pet"]
    assert await current(store, as_of=later(2.5)) == {"job": "baker", "pet": "cat"}
    assert await current(store, as_of=later(0)) == {}
    assert [fact.value for fact in await store.history("pet", owner="ana")] == ["cat"]


async def test_an_erased_fact_has_no_history_and_others_keep_theirs(store: PermanentStore) -> None:
    for minute, value in enumerate(("cat", "dog")):
        await store.upsert("Pet", value, owner="ana", at=later(minute))
        await store.upsert("pet", value, owner="Ana", at=later(minute))
        await store.upsert("job", value, owner="ana", at=later(minute))
    await store.set_identity("a parrot", owner="ana")
    assert await store.forget("pet", owner="ana", at=later(3))
    await store.erase_facts({"PET ": later(3), "job": later(-1), "unknown": later(3)}, owner="ana")
    assert await store.history("pet", owner="ana") == []
    assert [fact.key for fact in (await store.records(owner="ana")).facts] == ["job", "job"]
    assert await current(store, as_of=later(0)) == {"job": "cat"}
    assert len(await store.history("pet", owner="Ana")) == 2
    assert await store.identity(owner="ana") == "a parrot"
    await store.upsert("pet", "owl", owner="ana", at=later(4))
    assert [fact.value for fact in await store.history("pet", owner="ana")] == ["owl"]
    await store.erase_facts({"pet": later(3)}, owner="ana")
    assert await current(store) == {"job": "dog", "pet": "owl"}
    await store.erase_facts({"pet": later(9)}, owner="nobody")
    assert "nobody" not in await store.owners()


async def test_forgetting_what_is_not_there(store: PermanentStore) -> None:
    assert not await store.forget("job", owner="ana", at=START)
    await store.upsert("job", "baker", owner="ana", at=later(1))
    assert not await store.forget("job", owner="ana", at=later(0))
    assert await store.forget("JOB ", owner="ana", at=later(1))
    assert not await store.forget("job", owner="ana", at=later(2))
    await store.upsert("job", "pilot", owner="ana", at=later(3))
    assert await current(store) == {"job": "pilot"}


async def test_spellings_of_a_key_are_one_key(store: PermanentStore) -> None:
    await store.upsert(" Caf\u00e9 ", "Nero", owner="ana", at=later(1))
    await store.upsert("cafe\u0301", "Bianco", owner="ana", at=later(2))
    assert await current(store) == {"caf\u00e9": "Bianco"}
    assert len(await store.history("CAFÉ", owner="ana")) == 2


@pytest.mark.parametrize("key", ["", " \n", "k" * 201, "a\ud800"])
async def test_keys_that_name_nothing_are_refused(store: PermanentStore, key: str) -> None:
    with pytest.raises(ValueError, match="the key of a fact"):
        await store.upsert(key, "value", owner="ana", at=START)


async def test_values_are_verbatim(store: PermanentStore) -> None:
    value = " 🦉\0\r\n'; DROP TABLE facts; -- "
    await store.upsert("k" * 200, value, owner="ana", at=START)
    assert [fact.value for fact in await store.facts(owner="ana")] == [value]
    with pytest.raises(ValueError, match="the value of a fact"):
        await store.upsert("x", "\udfff", owner="ana", at=START)


async def test_long_values_are_kept_whole(store: PermanentStore) -> None:
    """Together they are longer than a block of Letta is at first."""
    for letter in "abc":
        await store.upsert(letter, letter * 60_000, owner="ana", at=START)
    assert await current(store) == {letter: letter * 60_000 for letter in "abc"}


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


async def test_the_cap_holds_however_many_write_at_once(backend: Backend) -> None:
    stores = backend.writers(4, max_tokens=20)
    writes = [stores[n % 4].upsert(f"k{n}", "v", owner="ana", at=later(n)) for n in range(20)]
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(result) for result in results if result is not None] == [FactsFull] * 10
    assert len(await current(stores[0])) == 10


async def test_many_writers_at_once_lose_nothing(backend: Backend) -> None:
    stores = backend.writers(4)
    writes = [stores[n % 4].upsert(f"k{n}", f"v{n}", owner="ana", at=later(n)) for n in range(24)]
    await asyncio.gather(*writes)
    assert await current(backend.open()) == {f"k{n}": f"v{n}" for n in range(24)}
    assert len(await stores[0].history("k7", owner="ana")) == 1


async def test_a_read_after_a_write_sees_it_however_many_read(store: PermanentStore) -> None:
    for n in range(5):
        reads = [asyncio.create_task(current(store)) for _ in range(3)]
        await store.upsert("n", str(n), owner="ana", at=later(n))
        assert await current(store) == {"n": str(n)}
        await asyncio.gather(*reads)


async def test_writers_in_several_event_loops_lose_nothing(backend: Backend) -> None:
    store = backend.open()

    async def write(thread: int) -> None:
        for n in range(4):
            await store.upsert(f"{thread}-{n}", "v", owner="ana", at=later(n))
        if isinstance(store, LettaPermanentStore):
            await store.aclose()

    await asyncio.gather(*(asyncio.to_thread(asyncio.run, write(thread)) for thread in range(4)))
    assert len(await current(store)) == 16


async def test_what_is_erased_while_others_write_does_not_come_back(backend: Backend) -> None:
    first, second = backend.writers(2)
    await first.upsert("old", "v", owner="ana", at=later(0))
    await asyncio.gather(
        first.erase(owner="ana"), *(second.upsert(f"k{n}", "v", owner="ana", at=later(n)) for n in range(5))
    )
    assert "old" not in await current(first)
    assert await first.history("old", owner="ana") == []


WRITER = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from memory.database import OwnerTables
from memory.owners.owner_files import OwnerFiles
from memory.owners.owner_partitions import OwnerPartitions
from memory.permanent.embedded_store import EmbeddedPermanentStore

async def main():
    files = OwnerFiles(Path(sys.argv[1]))
    store = EmbeddedPermanentStore(files, count_tokens=len, max_tokens=10**9)
    at = datetime(2025, 1, 1, tzinfo=UTC)
    await asyncio.gather(*(store.upsert(f"{sys.argv[2]}-{n}", "v", owner="ana", at=at) for n in range(100)))
    await files.close()

asyncio.run(main())
"""


async def test_writers_in_two_processes_lose_nothing(tmp_path: Path) -> None:
    """On the embedded store."""
    store = Backend("embedded", tmp_path / "owners", LettaAddress(SecretStr("")), [], [], SecretStr(""))
    command = [sys.executable, "-c", WRITER, str(tmp_path / "owners")]
    writers = [subprocess.Popen([*command, name]) for name in ("left", "right")]  # noqa: ASYNC220
    assert [await asyncio.to_thread(writer.wait) for writer in writers] == [0, 0]
    assert len(await current(store.open())) == 200
    await store.close()


async def test_identity_has_an_override_and_a_history(store: PermanentStore) -> None:
    assert await store.identity(owner="ana") is None
    await store.set_identity("a pirate", owner="ana")
    await store.set_identity("", owner="ana")
    assert await store.identity(owner="ana") == ""
    await store.set_identity(None, owner="ana")
    assert await store.identity(owner="ana") is None
    assert [text for text, _ in await store.identity_history(owner="ana")] == [None, "", "a pirate"]
    with pytest.raises(ValueError, match="the identity"):
        await store.set_identity("\ud800", owner="ana")


async def test_owners_never_meet_and_erasing_one_leaves_the_others(store: PermanentStore) -> None:
    for owner in OWNERS:
        await store.upsert("name", f"<{owner!a}>", owner=owner, at=START)
        await store.set_identity(f"for {owner!a}", owner=owner)
    await store.erase(owner="Ana")
    assert await current(store, "Ana") == {}
    assert await store.history("name", owner="Ana") == []
    assert await store.identity(owner="Ana") is None
    for owner in ("ana", "", "../ana", "ana\ud800"):
        assert await current(store, owner) == {"name": f"<{owner!a}>"}
        assert await store.identity(owner=owner) == f"for {owner!a}"


async def test_a_time_without_a_zone_is_refused(store: PermanentStore) -> None:
    with pytest.raises(ValueError, match="time zone"):
        await store.upsert("k", "v", owner="ana", at=datetime(2025, 1, 1))  # noqa: DTZ001


async def test_what_was_erased_is_gone_for_whoever_read_it_before(backend: Backend) -> None:
    first, second = backend.writers(2)
    await first.erase(owner="ana")
    await first.upsert("k", "v", owner="ana", at=START)
    assert await current(second) == {"k": "v"}
    await first.erase(owner="ana")
    assert await current(second) == {}
    assert not await second.records(owner="ana")
    await second.upsert("k", "w", owner="ana", at=START)
    assert [fact.value for fact in await first.history("k", owner="ana")] == ["w"]


async def test_all_that_was_written_can_be_read_and_restored_once(store: PermanentStore) -> None:
    records = Records(
        (
            FactRecord("k", "v", later(2)),
            FactRecord("K", None, later(3)),
            FactRecord("l", " \0🦉\n", later(1)),
        ),
        (IdentityRecord("a pirate", later(1)), IdentityRecord(None, later(2)), IdentityRecord("", later(2))),
    )
    assert await store.restore(records, owner="ana") == records
    assert await store.records(owner="ana") == records
    assert await current(store) == {"l": " \0🦉\n"}
    assert await store.identity(owner="ana") == ""
    assert not await store.restore(records, owner="ana")
    again = Records((FactRecord("k", "v", later(2)), FactRecord("k", "v", later(2))))
    assert await store.restore(again, owner="ana") == Records((FactRecord("k", "v", later(2)),))


async def test_owners_are_listed(store: PermanentStore) -> None:
    for owner in ("ana", "../ana", "ana\ud800"):
        await store.upsert("k", "v", owner=owner, at=START)
    assert {"ana", "../ana", "ana\ud800"} <= set(await store.owners())
