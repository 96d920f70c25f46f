"""The archive after crashes, lost folders, other processes and broken files."""

import asyncio
import os
import shutil
import signal
import sqlite3
import stat
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from memory.database import owner_key
from memory.embedding.e5 import E5Embeddings
from memory.embedding.embedding_model import EmbeddingModel
from memory.episodic import episode_archive as store
from memory.episodic.episode_archive import EpisodeArchive
from memory.episodic.index import backlog
from memory.episodic.log.episode_log import EpisodeLog
from memory.episodic.vectors.noise_floor import read_null_turns
from memory.episodic.vectors.vector_backend import ChromaLocation, VectorBackend
from memory.episodic.vectors.vector_index import VectorIndex
from memory.errors import TierCorrupt, TierUnavailable
from memory.models import Episode
from memory.owners.owner_files import OwnerFiles
from tests.nursery import Nursery
from tests.servers.hash_embeddings import HashEmbeddings

START = datetime(2025, 3, 1, tzinfo=UTC)

OF_AN_INDEX_FILE = 1100
"""Vectors: Chroma begins a file after a thousand."""
LONG = "lorem ipsum " * (backlog.SIZE // 2)

OpenArchive = Callable[..., EpisodeArchive]


def episode(turn_id: str, message: str, owner: str = "ana", minute: int = 0) -> Episode:
    at = START + timedelta(minutes=minute)
    return Episode(turn_id=turn_id, owner=owner, thread="t", message=message, reply="", at=at)


def build(data: Path, embeddings: EmbeddingModel | None = None) -> tuple[EpisodeArchive, OwnerFiles]:
    files = OwnerFiles(data / "owners", busy_timeout=0.5)
    vectors = VectorIndex(ChromaLocation(folder=data / "chroma"))
    return EpisodeArchive(files, vectors, embeddings or HashEmbeddings()), files


@pytest.fixture
async def open_archive(tmp_path: Path) -> AsyncIterator[OpenArchive]:
    opened = []

    def open_one(embeddings: EmbeddingModel | None = None) -> EpisodeArchive:
        opened.append(build(tmp_path, embeddings))
        return opened[-1][0]

    yield open_one
    for archive, files in opened:
        await archive.close()
        await files.close()


async def found(archive: EpisodeArchive, query: str, owner: str = "ana", limit: int = 5) -> list[str]:
    return [hit.episode.turn_id for hit in (await archive.search(query, owner=owner, limit=limit)).hits]


OTHER_PROCESS = """
import asyncio, os, signal, sys
from pathlib import Path
from tests.integration.test_episode_recovery import build, episode

async def main(data, what):
    archive, files = build(Path(data))
    if what == "killed between vectors and log":
        archive._indexer._ledger.mark = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    for number in range(3):
        await archive.append(episode(f"other-{number}", f"other {number} zebra", minute=number))
    if what == "killed before vectors":
        os.kill(os.getpid(), signal.SIGKILL)
    await archive.index(owner="ana")
    await archive.close()
    await files.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def other_process(nursery: Nursery, data: Path, what: str = "all") -> int:
    life = nursery.begin("-c", OTHER_PROCESS, str(data), what, environment=os.environ, stderr=2)
    return await asyncio.to_thread(life.wait)


@pytest.mark.parametrize("when", ["killed before vectors", "killed between vectors and log"])
async def test_what_was_logged_before_a_kill_is_found_after_it(
    nursery: Nursery, open_archive: OpenArchive, tmp_path: Path, when: str
) -> None:
    assert await other_process(nursery, tmp_path, when) == -signal.SIGKILL
    archive = open_archive()
    assert await archive.count(owner="ana") == 3
    assert [(step.owner, step.done, step.total) async for step in archive.reconcile()] == [("ana", 3, 3)]
    assert sorted(await found(archive, "zebra")) == ["other-0", "other-1", "other-2"]
    assert [step async for step in archive.reconcile()] == []


async def test_what_another_process_wrote_is_found_at_once(
    nursery: Nursery, open_archive: OpenArchive, tmp_path: Path
) -> None:
    archive = open_archive()
    await archive.append(episode("mine", "mine zebra"))
    await archive.index(owner="ana")
    assert await found(archive, "zebra") == ["mine"]
    assert await other_process(nursery, tmp_path) == 0
    assert sorted(await found(archive, "zebra")) == ["mine", "other-0", "other-1", "other-2"]
    assert [step.done async for step in archive.reindex(owner="ana")] == [4]
    assert len(await found(archive, "zebra")) == 4


async def test_lost_vectors_are_made_again_from_the_log(open_archive: OpenArchive, tmp_path: Path) -> None:
    first, count = open_archive(), OF_AN_INDEX_FILE
    await first.append_many([episode(str(n), f"text {n} zebra", minute=n) for n in range(count)])
    assert await first.index(owner="ana") == count
    noise = (await first.search("zebra", owner="ana", limit=1)).noise
    await first.close()
    (index,) = [path for path in (tmp_path / "chroma").iterdir() if path.is_dir()]
    shutil.rmtree(index)
    archive = open_archive()
    await archive.append(episode("next", "zebra", minute=count))
    assert await archive.index(owner="ana") == count + 1
    assert len(await found(archive, "zebra", limit=50)) == 50
    assert (await archive.search("zebra", owner="ana", limit=1)).noise == pytest.approx(noise, abs=1e-6)


async def test_a_lost_folder_is_made_again_at_the_start(open_archive: OpenArchive, tmp_path: Path) -> None:
    first = open_archive()
    for owner in ("ana", "bob"):
        await first.append(episode("1", "zebra", owner))
        await first.index(owner=owner)
    await first.close()
    shutil.rmtree(tmp_path / "chroma")
    archive = open_archive()
    assert {(step.owner, step.done) async for step in archive.reconcile()} == {("ana", 1), ("bob", 1)}


async def test_a_folder_deleted_under_a_running_process(open_archive: OpenArchive, tmp_path: Path) -> None:
    archive = open_archive()
    await archive.append(episode("1", "first zebra"))
    await archive.index(owner="ana")
    shutil.rmtree(tmp_path / "chroma")
    await archive.append(episode("2", "second zebra"))
    with pytest.raises(TierUnavailable, match="chroma"):
        await archive.index(owner="ana")
    assert await archive.index(owner="ana") == 2
    assert sorted(await found(archive, "zebra")) == ["1", "2"]


async def test_a_broken_vector_folder_names_the_way_out(open_archive: OpenArchive, tmp_path: Path) -> None:
    first = open_archive()
    await first.append(episode("1", "zebra"))
    await first.index(owner="ana")
    await first.close()
    (tmp_path / "chroma" / "chroma.sqlite3").write_bytes(b"rubbish" * 1000)
    archive = open_archive()
    told = await archive.search("zebra", owner="ana", limit=1)
    assert [hit.episode.turn_id for hit in told.hits] == ["1"]
    assert ["delete that folder; it is rebuilt from the log" in named for named in told.problems] == [True]
    (step,) = [step async for step in archive.reconcile()]
    assert isinstance(step.error, TierCorrupt)
    shutil.rmtree(tmp_path / "chroma")
    assert await archive.index(owner="ana") == 1
    healed = await archive.search("zebra", owner="ana", limit=1)
    assert [hit.evidence.cosine is not None for hit in healed.hits] == [True]
    assert healed.problems == ()


async def test_a_broken_owner_file_is_named_and_kept(open_archive: OpenArchive, tmp_path: Path) -> None:
    path = tmp_path / "owners" / f"{owner_key('ana')}.sqlite"
    path.parent.mkdir()
    path.write_bytes(b"not a database at all" * 100)
    archive = open_archive()
    for refused in (archive.count(owner="ana"), archive.append(episode("1", "x"))):
        with pytest.raises(TierCorrupt, match=rf"{path.name}.*not a database.*restore it from a backup"):
            await refused
    assert path.read_bytes().startswith(b"not a database")
    assert await archive.append(episode("1", "x", owner="Ana"))
    assert [step.owner async for step in archive.reconcile()] == ["Ana"]


async def test_a_file_that_is_another_owners_is_refused(open_archive: OpenArchive, tmp_path: Path) -> None:
    first = open_archive()
    await first.append(episode("1", "secret", owner="bob"))
    shutil.copy(tmp_path / "owners" / f"{owner_key('bob')}.sqlite", tmp_path / "copy")
    await first._files.close()
    path = tmp_path / "owners" / f"{owner_key('bob')}.sqlite"
    path.rename(path.with_name(f"{owner_key('ana')}.sqlite"))
    with pytest.raises(TierCorrupt, match="belongs to 'bob'"):
        await open_archive().recent(owner="ana", limit=1)


async def test_files_are_for_their_user_alone(open_archive: OpenArchive, tmp_path: Path) -> None:
    await open_archive().append(episode("1", "x"))
    assert stat.S_IMODE((tmp_path / "owners").stat().st_mode) == 0o700
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "owners").iterdir()}
    assert modes == {0o600}


async def test_a_full_disk_is_unavailable_and_loses_nothing_committed(tmp_path: Path) -> None:
    archive, files = build(tmp_path)
    await archive.append(episode("1", "kept"))
    await files.write("ana", "episodic", lambda db: db.execute("PRAGMA max_page_count = 1").fetchall())
    with pytest.raises(TierUnavailable, match="disk has room"):
        await archive.append(episode("2", "x" * 1_000_000))
    assert [told.message for told in await archive.recent(owner="ana", limit=5)] == ["kept"]
    assert await archive.append(episode("2", "x" * 1_000_000))
    await files.close()


READ_ONLY = """
import asyncio, os, sys
from pathlib import Path
from memory.errors import TierUnavailable
from tests.integration.test_episode_recovery import build, episode

async def main(data):
    archive, files = build(data)
    for owner in ("ana", "new"):
        try:
            await archive.append(episode("2", "x", owner=owner))
        except TierUnavailable as error:
            print(error)
    await files.close()

if os.geteuid() == 0:
    os.setuid(65534)
asyncio.run(main(Path(sys.argv[1])))
"""


def said_by(nursery: Nursery, program: str, folder: Path) -> str:
    """Run a program in another process, and return what it says."""
    with tempfile.TemporaryFile() as said:
        words = ("-c", program, str(folder))
        assert nursery.begin(*words, environment=os.environ, stdout=said.fileno(), stderr=2).wait() == 0
        said.seek(0)
        return said.read().decode().strip()


def test_a_read_only_folder_is_unavailable(nursery: Nursery) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        archive, files = build(data)
        asyncio.run(archive.append(episode("1", "kept")))
        asyncio.run(files.close())
        data.chmod(0o755)
        (data / "owners").chmod(0o555)
        assert said_by(nursery, READ_ONLY, data).count("folder") == 2
        (data / "owners").chmod(0o700)


async def test_a_lock_held_elsewhere_is_unavailable_after_the_timeout(tmp_path: Path) -> None:
    archive, files = build(tmp_path)
    await archive.append(episode("1", "kept"))
    with closing(sqlite3.connect(files.path("ana"))) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TierUnavailable, match="locked by another process"):
            await archive.append(episode("2", "x"))
        assert await archive.count(owner="ana") == 1
    assert await archive.append(episode("2", "x"))
    await files.close()


def test_an_archive_outlives_the_event_loop_it_began_in(tmp_path: Path) -> None:
    archive, files = build(tmp_path)
    assert asyncio.run(archive.append(episode("1", "zebra")))
    assert asyncio.run(archive.index(owner="ana")) == 1
    assert asyncio.run(found(archive, "zebra")) == ["1"]
    asyncio.run(archive.close())
    asyncio.run(files.close())


async def test_erasing_a_file_leaves_nothing_behind(tmp_path: Path) -> None:
    archive, files = build(tmp_path)
    await archive.append(episode("1", "do not leave this"))
    other, other_files = build(tmp_path)
    assert await other.count(owner="ana") == 1
    await files.erase("ana")
    assert await other.count(owner="ana") == 0
    left = b"".join(path.read_bytes() for path in (tmp_path / "owners").iterdir())
    assert b"do not leave" not in left
    assert await other.append(episode("1", "a new life"))
    assert await archive.count(owner="ana") == 1
    await files.close()
    await other_files.close()
    await files.erase("ana")
    assert list((tmp_path / "owners").iterdir()) == []
    await files.close()


class SlowEmbeddings(HashEmbeddings):
    """Embed documents when `go` is set; told what was asked."""

    def __init__(self, *, remote: bool = False) -> None:
        super().__init__()
        self.remote = remote
        self.go = asyncio.Event()
        self.asked: list[int] = []

    async def aembed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        self.asked.append(len(texts))
        await self.go.wait()
        return await super().aembed_documents(texts)


class FailingEmbeddings(HashEmbeddings):
    """Be down for any text with the word `avalanche`."""

    async def aembed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        if any("avalanche" in text for text in texts):
            raise TierUnavailable("episodic", "down")
        return await super().aembed_documents(texts)


@pytest.mark.parametrize("why", ["unusable folder", "damaged encoder"])
async def test_a_model_that_cannot_be_loaded_is_unavailable(
    open_archive: OpenArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    first = open_archive()
    await first.append(episode("1", "zebra"))
    (tmp_path / "models").write_text("a file, not a folder")
    if why == "damaged encoder":
        (tmp_path / "encoder.onnx").write_bytes(b"rubbish")
        monkeypatch.setattr("memory.embedding.encoder.ensure_model", lambda *_: tmp_path)
    archive = open_archive(E5Embeddings(tmp_path / "models"))
    for refused in (archive.index(owner="ana"), archive.ready(owner="ana")):
        with pytest.raises(TierUnavailable, match="embedding model"):
            await refused
    e5 = E5Embeddings(tmp_path / "models")
    with pytest.raises(TierUnavailable, match="embedding model"):
        await e5.aembed_query("zebra")


async def test_getting_ready_waits_for_nothing_remote(tmp_path: Path) -> None:
    hung = threading.Event()

    def hang(location: ChromaLocation) -> VectorBackend:
        hung.wait()
        raise TierUnavailable("episodic", str(location))

    files = OwnerFiles(tmp_path / "owners")
    vectors = VectorIndex(ChromaLocation(folder=tmp_path, url=SecretStr("http://127.0.0.1:9")), connect=hang)
    archive = EpisodeArchive(files, vectors, SlowEmbeddings(remote=True))
    await archive.append(episode("1", "zebra"))
    async with asyncio.timeout(100):
        await archive.ready(owner="ana")
    hung.set()
    await archive._background.end()
    await archive.close()
    await files.close()


async def test_null_turns_of_an_endpoint_are_embedded_once_whoever_gives_up(
    open_archive: OpenArchive,
) -> None:
    embeddings = SlowEmbeddings(remote=True)
    nulls = open_archive(embeddings)._nulls
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(nulls.vectors(), 0.05)
    embeddings.go.set()
    first, second = await asyncio.gather(nulls.vectors(), nulls.vectors())
    assert len(first) == len(second) == sum(map(len, read_null_turns()))
    assert embeddings.asked == [len(first)]


async def test_indexing_ends_with_the_archive_and_begins_again_after_it(
    open_archive: OpenArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "CLOSE_TIMEOUT", 0.1)
    embeddings = SlowEmbeddings()
    archive = open_archive(embeddings)
    await archive.append(episode("1", "zebra"))
    for _ in range(5):
        archive.index_soon(owner="ana")
    waiting = [asyncio.create_task(archive.index(owner="ana")) for _ in range(2)]
    async with asyncio.timeout(100):
        while not embeddings.asked:  # noqa: ASYNC110 - in another task
            await asyncio.sleep(0.01)
    await archive.close()
    for refused in waiting:
        with pytest.raises(TierUnavailable, match="close"):
            await refused
    assert archive._background.here() == []
    assert embeddings.asked == [1]
    embeddings.go.set()
    assert await archive.index(owner="ana") == 1
    assert await found(archive, "zebra") == ["1"]


async def test_what_was_to_be_indexed_soon_is_indexed_before_the_end(open_archive: OpenArchive) -> None:
    archive = open_archive()
    await archive.append(episode("1", "zebra"))
    archive.index_soon(owner="ana")
    await archive.close()
    assert await archive.index(owner="ana") == 0


async def test_getting_ready_notices_lost_vectors(open_archive: OpenArchive, tmp_path: Path) -> None:
    first = open_archive()
    await first.append(episode("1", "zebra"))
    await first.index(owner="ana")
    await first.close()
    shutil.rmtree(tmp_path / "chroma")
    archive = open_archive()
    await archive.ready(owner="ana")
    await asyncio.gather(*archive._background.here())
    assert await found(archive, "zebra") == ["1"]


async def test_an_owner_that_fails_does_not_keep_the_others_from_being_reconciled(
    open_archive: OpenArchive,
) -> None:
    archive = open_archive(FailingEmbeddings())
    await archive.append(episode("1", "an avalanche", owner="ana"))
    await archive.append(episode("1", "zebra", owner="bob"))
    steps = {step.owner: step async for step in archive.reconcile()}
    assert isinstance(steps["ana"].error, TierUnavailable)
    assert (steps["bob"].done, steps["bob"].error) == (1, None)


async def test_searches_are_answered_while_vectors_are_reconciled(open_archive: OpenArchive) -> None:
    archive = open_archive()
    await archive.append(episode("first", "zebra"))
    await archive.index(owner="ana")
    await archive.append_many([episode(str(n), f"text {n}", minute=n) for n in range(400)])
    during = 0
    async for _ in archive.reconcile():
        assert await found(archive, "zebra", limit=1) == ["first"]
        during += 1
    assert during > 5


async def test_a_long_episode_comes_last_and_keeps_no_other_from_being_noted(
    open_archive: OpenArchive,
) -> None:
    archive = open_archive(FailingEmbeddings())
    await archive.append(episode("long", LONG + "avalanche"))
    await archive.append_many([episode(str(n), f"zebra {n}", minute=n) for n in range(70)])
    with pytest.raises(TierUnavailable, match="down"):
        await archive.index(owner="ana")
    waiting = await archive.pending(owner="ana", limit=99)
    assert [told.turn_id for _, told in waiting] == ["long"]
    assert len(await found(archive, "zebra", limit=70)) == 70


async def test_a_turn_told_while_a_long_one_is_indexed_goes_first(open_archive: OpenArchive) -> None:
    archive = open_archive()
    await archive.append(episode("long", LONG))
    async with aclosing(archive.indexing(owner="ana")) as run:
        assert (await anext(run)).done == 0
        await archive.append(episode("new", "zebra"))
        while (await anext(run)).done == 0:
            pass
        waiting = await archive.pending(owner="ana", limit=9)
        assert [told.turn_id for _, told in waiting] == ["long"]
        assert [step.done async for step in run][-1] == 2


LOOK = "import asyncio, sys, pathlib; from memory.owners.owner_files import OwnerFiles as Files"
LISTS = f"{LOOK}; print(asyncio.run(Files(pathlib.Path(sys.argv[1])).owners()))"
COUNTS = (
    f"{LOOK}; from memory.episodic.log.episode_log import EpisodeLog as Log; "
    "print(asyncio.run(Log(Files(pathlib.Path(sys.argv[1]))).count(owner='ana')))"
)


async def test_a_process_that_comes_and_goes_takes_no_log_away(nursery: Nursery, tmp_path: Path) -> None:
    """To close a descriptor of a database ends a process's locks on it, and others believe to be alone."""
    files = OwnerFiles(tmp_path)
    log = EpisodeLog(files)
    await log.append(episode("t1", "one"))
    await files.close()
    assert await log.count(owner="ana") == 1  # opens it to read, and only then to write
    await log.append(episode("t1", "one"))
    assert await asyncio.to_thread(said_by, nursery, LISTS, tmp_path) == "['ana']"
    await log.append(episode("t2", "two"))
    assert await asyncio.to_thread(said_by, nursery, COUNTS, tmp_path) == "2"
    await files.close()
