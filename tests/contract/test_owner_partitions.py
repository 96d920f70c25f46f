"""What PostgreSQL adds to the contract of an archive: the same recall, and nobody else's rows."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from pydantic import SecretStr

from memory.database import Database, Value
from memory.episodic.episode_archive import EpisodeArchive
from memory.episodic.log.episode_log import EpisodeLog
from memory.episodic.vectors.vector_backend import ChromaLocation
from memory.episodic.vectors.vector_index import VectorIndex
from memory.errors import TierCorrupt, TierUnavailable
from memory.models import Episode
from memory.owners.owner_files import OwnerFiles
from memory.owners.owner_partitions import OwnerPartitions
from memory.owners.owner_schema import MIGRATIONS
from memory.owners.postgres_schema import PARTITIONS
from memory.permanent.embedded_store import EmbeddedPermanentStore
from memory.provenance import Carrier, Part
from memory.recall.mechanisms import Keys, Times
from tests.bench.corpus import messages
from tests.servers.hash_embeddings import HashEmbeddings
from tests.servers.postgres import PostgresServer

START = datetime(2025, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TURNS = 60

OpenPartitions = Callable[..., OwnerPartitions]


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.new_url()


@pytest.fixture
async def open_partitions(url: str) -> AsyncIterator[OpenPartitions]:
    """Open the same database as often as wanted, as several machines would."""
    opened: list[OwnerPartitions] = []

    def open_one(busy_timeout: float = 60) -> OwnerPartitions:
        opened.append(OwnerPartitions(SecretStr(url), busy_timeout=busy_timeout))
        return opened[-1]

    yield open_one
    for each in opened:
        await each.close()


@pytest.fixture
def partitions(open_partitions: OpenPartitions) -> OwnerPartitions:
    return open_partitions()


def episode(number: int, message: str, *, owner: str = "ana") -> Episode:
    return Episode(
        turn_id=f"t{number}",
        owner=owner,
        thread=f"{number % 3}",
        message=message,
        reply="long reply " * (50 * (number % 2)),
        at=START + number * HOUR,
    )


def count(db: Database) -> int:
    return int(db.execute("SELECT COUNT(*) FROM episodes").fetchone()[0])


def first(db: Database, sql: str) -> tuple[int]:
    found: tuple[int] = db.execute(sql).fetchone()
    return found


def columns(db: Database, sql: str, table: str) -> set[str]:
    return {name for (name,) in db.execute(sql, (table,))} - {"owner", "id"}


def insert(db: Database, sql: str, value: Value) -> int:
    return db.execute(sql, (value,)).rowcount


async def test_every_search_finds_what_it_finds_in_a_file(
    tmp_path: Path, partitions: OwnerPartitions
) -> None:
    files = OwnerFiles(tmp_path / "owners")
    told, asked = list(messages(TURNS, seed=1)), list(messages(12, seed=2))
    by = [Keys(["GOAT-42"]), Times(START + 5 * HOUR, START + 20 * HOUR)]
    results = []
    for name, tables in (("files", files), ("postgres", partitions)):
        vectors = VectorIndex(ChromaLocation(folder=tmp_path / name))
        archive = EpisodeArchive(tables, vectors, HashEmbeddings())
        await archive.append_many(
            episode(number, f"{text} GOAT-{40 + number % 5}") for number, text in enumerate(told)
        )
        await archive.remove(["t7", "t8"], owner="ana")
        await archive.append(episode(TURNS, "the last one"), shown=["t1", "t2"])
        await archive.index(owner="ana")
        found = [await archive.search(text, owner="ana", limit=10, by=by) for text in asked]
        results.append([(one.hits, one.query, one.waiting, one.problems) for one in found])
        await archive.close()
    await files.close()
    assert results[0] == results[1]
    assert all(hits for hits, *_ in results[0])


async def test_a_statement_without_a_filter_reaches_one_owners_rows_alone(
    partitions: OwnerPartitions,
) -> None:
    log = EpisodeLog(partitions)
    for owner in ("ana", "bob"):
        await log.append(episode(1, f"of {owner}", owner=owner))
    key = await partitions.read(
        "ana", "episodic", lambda db: db.execute("SELECT owner FROM owner").fetchall()
    )
    assert len(key) == 1
    assert (
        await partitions.write("bob", "episodic", lambda db: db.execute("DELETE FROM episodes").rowcount) == 1
    )
    theirs = "UPDATE episodes SET message = 'x' WHERE owner = ?"
    assert await partitions.write("bob", "episodic", lambda db: db.execute(theirs, key[0]).rowcount) == 0
    insert = "INSERT INTO removed (owner, turn_id) VALUES (?, 't')"
    with pytest.raises(TierUnavailable, match="row-level security"):
        await partitions.write("bob", "episodic", lambda db: db.execute(insert, key[0]).rowcount)
    for number in range(PARTITIONS):
        part = f"SELECT COUNT(*) FROM episodes_p{number}"
        assert await partitions.read("ana", "episodic", partial(first, sql=part)) == (0,)
    assert [each.message for each in await log.recent(owner="ana", limit=5)] == ["of ana"]
    assert await partitions.owners() == ["ana", "bob"]
    await partitions.erase("ana")
    assert await partitions.owners() == ["bob"]
    assert await log.count(owner="ana") == 0


async def test_every_table_of_a_file_is_in_the_database(partitions: OwnerPartitions, tmp_path: Path) -> None:
    files = OwnerFiles(tmp_path)
    ours = "SELECT name FROM pragma_table_info(?)"
    theirs = "SELECT column_name::text FROM information_schema.columns WHERE table_name = ?"
    compared = 0
    for step in (step for steps in MIGRATIONS for step in steps if isinstance(step, str)):
        if step.startswith("CREATE TABLE"):
            table = step.split()[2]
            own = await files.read("ana", "x", partial(columns, sql=ours, table=table))
            there = await partitions.read("ana", "x", partial(columns, sql=theirs, table=table))
            assert own == there, table
            compared += 1
    assert compared > 10
    await files.close()


async def test_one_of_two_writers_of_an_owner_waits_and_readers_do_not(
    open_partitions: OpenPartitions,
) -> None:
    first, second, hasty = open_partitions(), open_partitions(), open_partitions(busy_timeout=0.2)
    log = EpisodeLog(second)
    await log.append(episode(1, "before"))
    writing, go_on = threading.Event(), threading.Event()

    def long_work(db: Database) -> int:
        writing.set()
        assert go_on.wait(300)
        return count(db)

    long = asyncio.create_task(first.write("ana", "episodic", long_work))
    assert await asyncio.to_thread(writing.wait, 300)
    waiting = asyncio.create_task(log.append(episode(2, "after")))
    assert await log.append(episode(1, "another owner's", owner="bob"))
    assert await log.count(owner="ana") == 1
    for _ in range(2):
        with pytest.raises(TierUnavailable, match="locked by another process"):
            await EpisodeLog(hasty).append(episode(3, "too late"))
    assert not waiting.done()
    go_on.set()
    assert await long == 1
    assert await waiting
    assert not await EpisodeLog(hasty).append(episode(2, "known"))
    assert [each.message for each in await log.recent(owner="ana", limit=5)] == ["after", "before"]


async def test_tables_with_a_text_are_named_for_its_owner_alone(partitions: OwnerPartitions) -> None:
    log = EpisodeLog(partitions)
    await log.append(episode(1, "100% of Ana's %s walnuts", owner="ana"))
    texts = ["nothing of it", "100% of Ana's %s walnuts"]
    assert "episodes" in await partitions.tables_with("ana", texts)
    assert await partitions.tables_with("bob", texts) == []
    assert await partitions.tables_with("ana", texts[:1]) == []
    assert await partitions.tables_with("ana", []) == []


@pytest.mark.parametrize("text", ['He said "ștefan" to her', r"C:\boats\merganser", "as it is"])
async def test_a_text_is_found_in_every_column_of_text_as_it_is_and_in_json(
    partitions: OwnerPartitions, text: str
) -> None:
    document = Part(text=f"before {text} after", carrier=Carrier.DOCUMENT)
    log, facts = EpisodeLog(partitions), EmbeddedPermanentStore(partitions, count_tokens=len, max_tokens=999)
    await log.append(replace(episode(1, "The document has it.", owner="parts"), parts=(document,)))
    await log.append(replace(episode(2, "A tag has it.", owner="tags"), tags=(text,)))
    await log.append(replace(episode(3, text, owner="message")))
    await facts.upsert("key", text, owner="facts", at=START)
    for owner in ("parts", "tags", "message"):
        assert await partitions.tables_with(owner, [text]) == ["episodes"]
    assert await partitions.tables_with("facts", [text]) == ["facts"]


async def test_a_write_that_fails_leaves_nothing(partitions: OwnerPartitions) -> None:
    def failing(db: Database) -> None:
        db.execute("INSERT INTO removed (turn_id) VALUES ('t')")
        raise KeyError("a mistake")

    with pytest.raises(KeyError):
        await partitions.write("ana", "episodic", failing)
    assert await partitions.read("ana", "x", lambda db: db.execute("SELECT * FROM removed").fetchall()) == []
    too_large = "INSERT INTO facts (identifier, key, value, at) VALUES ('a', 'a', 'a', ?)"
    for value in (2**63, "text", b"bytes", cast("int", {})):
        with pytest.raises((ValueError, OverflowError)):
            await partitions.write("ana", "x", partial(insert, sql=too_large, value=value))


async def test_the_turn_after_a_restart_finds_the_server_again(
    partitions: OwnerPartitions, postgres: PostgresServer
) -> None:
    log = EpisodeLog(partitions)
    assert await log.append(episode(1, "before"))
    postgres.stop()
    try:
        with pytest.raises(TierUnavailable, match="GOAT_ARCHIVE_URL") as down:
            await log.append(episode(2, "while it is down"))
        assert "secret" not in str(down.value)
    finally:
        postgres.start()
    assert await log.append(episode(3, "after"))
    postgres.stop()
    postgres.start()
    assert await log.count(owner="ana") == 2


async def test_a_role_that_sees_every_row_is_refused(url: str) -> None:
    partitions = OwnerPartitions(SecretStr(url.replace("//goat:", "//postgres:")))
    with pytest.raises(TierUnavailable, match="CREATE ROLE goat"):
        await partitions.owners()
    await partitions.close()


async def test_tables_of_a_newer_version_are_left_alone(open_partitions: OpenPartitions) -> None:
    first = open_partitions()
    await first.write("ana", "x", lambda db: db.execute("UPDATE version SET number = 99").rowcount)
    with pytest.raises(TierCorrupt, match="upgrade"):
        await open_partitions().owners()
