"""Many owners in one process: what they hold is bounded, and nothing of theirs is lost or another's."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from memory.database import owner_key
from memory.episodic.episode_archive import EpisodeArchive
from memory.episodic.vectors.chroma import ChromaVectors
from memory.episodic.vectors.chroma_collections import ChromaClient, OpenCollections
from memory.episodic.vectors.vector_backend import ChromaLocation
from memory.episodic.vectors.vector_index import VectorIndex
from memory.models import Episode
from memory.owners.owner_files import OwnerFiles
from tests.plugins import until
from tests.servers.hash_embeddings import HashEmbeddings

AT = datetime(2025, 3, 1, tzinfo=UTC)
OWNERS = [f"owner {number}" for number in range(6)]
OPEN = 3
THREADS = 4
LARGE = 4
"""Records of a collection that counts as large here."""
FILES_OF_OWNER = 5
"""Two connections, two write-ahead logs, and the index that they share."""
FILES_OF_COLLECTION = 4


def episode(owner: str, number: int) -> Episode:
    turn = f"{owner}-{number}"
    return Episode(turn_id=turn, owner=owner, thread="t", message=f"zebra {turn}", reply="", at=AT)


def connect(location: ChromaLocation) -> ChromaVectors:
    return ChromaVectors(OpenCollections(location, most=OPEN, large=LARGE), location)


@pytest.fixture
async def files(tmp_path: Path) -> AsyncIterator[OwnerFiles]:
    files = OwnerFiles(tmp_path / "owners", open_files=OPEN, threads=THREADS)
    yield files
    await files.close()


@pytest.fixture
async def archive(tmp_path: Path, files: OwnerFiles) -> AsyncIterator[EpisodeArchive]:
    vectors = VectorIndex(ChromaLocation(folder=tmp_path / "chroma"), connect=connect)
    archive = EpisodeArchive(files, vectors, HashEmbeddings())
    yield archive
    await archive.close()


def open_files(folder: Path, ending: str) -> int:
    links = [path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    return sum(folder in link.parents and link.suffix.startswith(ending) for link in links)


async def write(archive: EpisodeArchive, owner: str, numbers: range) -> None:
    for number in numbers:
        await archive.append(episode(owner, number))
        await archive.index(owner=owner)


async def found(archive: EpisodeArchive, owner: str) -> set[str]:
    """Return what the vectors lead to."""
    result = await archive.search("zebra", owner=owner, limit=30)
    assert (result.problems, not result.waiting) == ((), True)
    assert result.seen is not None
    assert all(hit.evidence.cosine is not None for hit in result.hits)
    return {hit.episode.turn_id for hit in result.hits}


async def test_owners_who_talk_at_once_lose_nothing_and_see_nobody_elses(archive: EpisodeArchive) -> None:
    """Some archives grow from small to large meanwhile, and change clients."""
    for start in (0, 2, 4):
        await asyncio.gather(*(write(archive, owner, range(start, start + 2)) for owner in OWNERS))
        there = await asyncio.gather(*(found(archive, owner) for owner in OWNERS))
        assert there == [{f"{owner}-{number}" for number in range(start + 2)} for owner in OWNERS]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files as Linux lists them")
async def test_idle_owners_hold_neither_files_nor_threads(archive: EpisodeArchive, tmp_path: Path) -> None:
    before = {*threading.enumerate()}  # of other agents in this process
    await asyncio.gather(*(write(archive, owner, range(2)) for owner in OWNERS))
    await asyncio.gather(*(found(archive, owner) for owner in OWNERS))
    names = [thread.name for thread in {*threading.enumerate()} - before]
    assert sum(name.startswith("goat-sqlite") for name in names) <= THREADS
    await until(lambda: open_files(tmp_path / "owners", ".sqlite") <= OPEN * FILES_OF_OWNER, 60)
    await until(lambda: open_files(tmp_path / "chroma", ".bin") <= OPEN * FILES_OF_COLLECTION, 60)


class WatchedCollections(OpenCollections):
    """Notes which collections are used."""

    def __init__(self, location: ChromaLocation) -> None:
        super().__init__(location)
        self.used: set[str] = set()

    @contextmanager
    def client(self, collection: str = "") -> Iterator[ChromaClient]:
        self.used.add(collection)
        with super().client(collection) as client:
            yield client


async def test_at_the_start_only_those_with_something_to_do_are_opened(
    archive: EpisodeArchive, files: OwnerFiles, tmp_path: Path
) -> None:
    await asyncio.gather(*(write(archive, owner, range(2)) for owner in OWNERS))
    await archive.append(episode(OWNERS[3], 2))
    await archive.close()
    location = ChromaLocation(folder=tmp_path / "chroma")
    collections = WatchedCollections(location)
    vectors = VectorIndex(location, connect=lambda _: ChromaVectors(collections, location))
    later = EpisodeArchive(files, vectors, HashEmbeddings())
    assert [(step.owner, step.done) async for step in later.reconcile()] == [(OWNERS[3], 1)]
    assert {name.rpartition("-")[0] for name in collections.used if name} == {owner_key(OWNERS[3])}
    await later.close()


async def test_the_records_of_small_collections_are_indexed(archive: EpisodeArchive, tmp_path: Path) -> None:
    """Chroma keeps them in one queue, and reads it whole to open any of them."""
    await asyncio.gather(*(write(archive, owner, range(2)) for owner in OWNERS))

    def plan() -> str:
        with closing(sqlite3.connect(tmp_path / "chroma" / "chroma.sqlite3")) as database:
            sql = "EXPLAIN QUERY PLAN SELECT * FROM embeddings_queue WHERE topic = ? AND seq_id > 0"
            return str(database.execute(sql, ("",)).fetchall())

    await until(lambda: "goat_queue" in plan(), 60)


async def test_an_owner_who_waits_for_a_lock_keeps_nobody_else_waiting(files: OwnerFiles) -> None:
    """As with a writer that another process holds up: its work queues, that of others does not."""
    held, go = threading.Event(), threading.Event()

    def hold(_: object) -> None:
        held.set()
        go.wait(30)

    await files.write("ana", "episodic", lambda _: None)
    waiting = [asyncio.create_task(files.write("ana", "episodic", hold)) for _ in range(2 * THREADS)]
    await asyncio.to_thread(held.wait, 30)
    assert await files.write("ben", "episodic", lambda _: "written") == "written"
    assert await files.read("ana", "episodic", lambda _: "read") == "read"
    assert not any(task.done() for task in waiting)
    go.set()
    await asyncio.gather(*waiting)


async def test_an_owners_writes_run_one_by_one_in_order_while_files_close(files: OwnerFiles) -> None:
    order: dict[str, list[int]] = {owner: [] for owner in OWNERS}
    running: set[str] = set()

    def note(owner: str, number: int) -> None:
        assert owner not in running
        running.add(owner)
        time.sleep(0.0005)
        order[owner].append(number)
        running.remove(owner)

    async def write_note(owner: str, number: int) -> None:
        await files.write(owner, "episodic", lambda _: note(owner, number))

    await asyncio.gather(*(write_note(owner, number) for number in range(20) for owner in OWNERS))
    assert all(numbers == list(range(20)) for numbers in order.values())


async def test_a_log_that_closing_deletes_is_no_part_of_the_size(tmp_path: Path) -> None:
    path = OwnerFiles(tmp_path).path("ana")
    path.write_bytes(b"1234")
    path.with_name(f"{path.name}-wal").symlink_to("deleted")
    assert await OwnerFiles(tmp_path).size("ana") == 4
