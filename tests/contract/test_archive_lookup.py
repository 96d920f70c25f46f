"""What an archive finds by keys, times and words, and what it keeps beside its episodes."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

import numpy as np
import pytest
from hypothesis import given, strategies as st

from memory.database import Database, to_micros
from memory.episodic.episode_archive import EpisodeArchive
from memory.episodic.vectors import kept_vectors
from memory.episodic.vectors.kept_vectors import PAGE, KeptPart, Slot
from memory.episodic.vectors.noise_floor import read_null_turns
from memory.episodic.vectors.vector_backend import ChromaLocation
from memory.episodic.vectors.vector_index import VectorIndex
from memory.models import Episode, Mechanism
from memory.owners.owner_files import OwnerFiles
from memory.owners.owner_schema import MIGRATIONS, VERSION, migrate, version
from memory.recall.mechanisms import MOST_KEYED, Keys, Retriever, Times
from memory.results import SearchResult
from tests.servers.hash_embeddings import HashEmbeddings

START = datetime(2025, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)
ABOUT_NOTHING = "rhubarb"

OpenArchive = Callable[..., EpisodeArchive]


@pytest.fixture
async def open_archive(tmp_path: Path) -> AsyncIterator[OpenArchive]:
    """Open the same data as often as wanted."""
    opened: list[tuple[EpisodeArchive, OwnerFiles]] = []

    def open_one(embeddings: HashEmbeddings | None = None) -> EpisodeArchive:
        files = owner_files(tmp_path)
        vectors = VectorIndex(ChromaLocation(folder=tmp_path / "chroma"))
        opened.append((EpisodeArchive(files, vectors, embeddings or HashEmbeddings()), files))
        return opened[-1][0]

    yield open_one
    for archive, files in opened:
        await archive.close()
        await files.close()


@pytest.fixture
def archive(open_archive: OpenArchive) -> EpisodeArchive:
    return open_archive()


def owner_files(folder: Path) -> OwnerFiles:
    return OwnerFiles(folder / "owners", busy_timeout=0.5)


def episode(turn_id: str, message: str, reply: str = "", *, at: datetime = START) -> Episode:
    return Episode(turn_id=turn_id, owner="ana", thread=turn_id, message=message, reply=reply, at=at)


def keyed(result: SearchResult) -> set[str]:
    return {hit.episode.turn_id for hit in result.hits if hit.evidence.keyed}


def timed(result: SearchResult) -> set[str]:
    return {hit.episode.turn_id for hit in result.hits if hit.evidence.timed}


class TestKeys:
    async def test_a_key_of_message_or_reply_leads_to_its_episode_at_once(
        self, archive: EpisodeArchive
    ) -> None:
        await archive.append(episode("said", "please look at GOAT-42 soon"))
        await archive.append(episode("answered", "where is it?", "It is in src/goat/main.py."))
        await archive.append(episode("neither", "nothing of the kind"))
        for indexed in (False, True):
            if indexed:
                await archive.index(owner="ana")
            one = await archive.search(ABOUT_NOTHING, owner="ana", limit=1, by=[Keys(["GOAT-42"])])
            assert keyed(one) == {"said"}
            both = await archive.search(
                ABOUT_NOTHING, owner="ana", limit=2, by=[Keys(["GOAT-42", "src/goat/main.py", "GOAT-43"])]
            )
            assert keyed(both) == {"said", "answered"}
            assert not keyed(await archive.search(ABOUT_NOTHING, owner="ana", limit=1, by=[Keys(["GOAT-4"])]))

    async def test_every_mechanism_has_its_limit(self, archive: EpisodeArchive) -> None:
        told = [episode(f"key{n}", f"note {n} on GOAT-42", at=START + n * HOUR) for n in range(9)]
        told += [episode(f"roof{n}", "the roof leaks", at=START - n * HOUR) for n in range(9)]
        await archive.append_many(told)
        await archive.index(owner="ana")
        found = await archive.search(
            "leaking roof", owner="ana", limit=3, by=[Keys(["GOAT-42"]), Times(START, START + 9 * HOUR)]
        )
        ids = [hit.episode.turn_id for hit in found.hits]
        assert len(ids) == len(set(ids)) <= 9
        assert len(keyed(found)) >= 3
        assert len([turn_id for turn_id in ids if turn_id.startswith("roof")]) >= 3
        scores = [hit.score for hit in found.hits]
        assert scores == sorted(scores, reverse=True)

    async def test_of_many_that_hold_a_key_the_latest_are_looked_at(
        self, archive: EpisodeArchive, tmp_path: Path
    ) -> None:
        await archive.append_many(
            episode(str(n), "see GOAT-42", at=START + n * HOUR) for n in range(MOST_KEYED + 5)
        )
        files = owner_files(tmp_path)
        found = await files.read("ana", "episodic", Keys(["GOAT-42"]).find)
        assert found == dict.fromkeys(range(6, MOST_KEYED + 6), MOST_KEYED)
        await files.close()


class TestTimes:
    async def test_a_time_is_half_open(self, archive: EpisodeArchive) -> None:
        end = START + HOUR
        at = {
            "before": START - MICROSECOND,
            "start": START,
            "last": end - MICROSECOND,
            "end": end,
        }
        await archive.append_many(
            episode(turn_id, f"matter {turn_id}", at=when) for turn_id, when in at.items()
        )
        await archive.index(owner="ana")
        found = await archive.search(ABOUT_NOTHING, owner="ana", limit=9, by=[Times(START, end)])
        assert timed(found) == {"start", "last"}
        assert not timed(await archive.search(ABOUT_NOTHING, owner="ana", limit=9, by=[Times(START, START)]))
        assert not timed(await archive.search(ABOUT_NOTHING, owner="ana", limit=9, by=[Times(end, START)]))
        assert not timed(await archive.search(ABOUT_NOTHING, owner="ana", limit=9))

    async def test_what_was_said_then_is_found_before_it_has_vectors(self, archive: EpisodeArchive) -> None:
        await archive.append_many(
            [episode("then", "a matter"), episode("later", "a matter", at=START + HOUR)]
        )
        found = await archive.search(ABOUT_NOTHING, owner="ana", limit=1, by=[Times(START, START + HOUR)])
        assert timed(found) == {"then"}

    async def test_a_time_without_a_zone_is_refused(self, archive: EpisodeArchive) -> None:
        await archive.append(episode("1", "x"))
        naive = datetime(2025, 3, 1)  # noqa: DTZ001
        with pytest.raises(ValueError, match="time zone"):
            await archive.search("x", owner="ana", limit=1, by=[Times(naive, naive)])


@dataclass(frozen=True)
class Unanswered(Retriever):
    """A mechanism of a test: the episodes without a reply."""

    name = Mechanism.KEY
    field = "keyed"
    label = caption = absent = sought = ""

    @classmethod
    def read(cls, message: str, *, now: datetime, zone: tzinfo) -> Self | None:
        return cls()

    def find(self, db: Database) -> dict[int, int]:
        return {seq: 7 for (seq,) in db.execute("SELECT seq FROM episodes WHERE reply = ''")}


async def test_a_mechanism_is_an_object_whose_evidence_reaches_the_hits(archive: EpisodeArchive) -> None:
    await archive.append_many([episode("open", "a matter"), episode("closed", "a matter", "Done.")])
    found = await archive.search(ABOUT_NOTHING, owner="ana", limit=5, by=[Unanswered()])
    assert {hit.episode.turn_id: hit.evidence.keyed for hit in found.hits} == {"open": 7}


class TestErasing:
    async def test_nothing_derived_outlives_its_episodes(
        self, archive: EpisodeArchive, tmp_path: Path
    ) -> None:
        await archive.append(episode("1", "the swordfish stands in GOAT-42"))
        await archive.index(owner="ana")
        await archive.erase(owner="ana")
        with closing(sqlite3.connect(owner_files(tmp_path).path("ana"))) as db:
            for table in ("episodes", "keys", "vectors", "meta"):
                assert db.execute(f"SELECT COUNT(*) FROM {table}").fetchone() == (0,), table
            assert db.execute("SELECT COUNT(*) FROM lexicon_terms").fetchone() == (0,)
        found = await archive.search("swordfish", owner="ana", limit=5, by=[Keys(["GOAT-42"])])
        assert (found.hits, found.query.documents) == ((), 0)
        await archive.append(episode("2", "a new swordfish"))
        found = await archive.search("swordfish", owner="ana", limit=5, by=[Keys(["GOAT-42"])])
        assert [hit.episode.turn_id for hit in found.hits] == ["2"]
        assert (found.query.documents, keyed(found)) == (1, set())

    async def test_an_erased_file_that_somebody_has_open_holds_nothing_derived(self, tmp_path: Path) -> None:
        files, other = owner_files(tmp_path), owner_files(tmp_path)
        vectors = VectorIndex(ChromaLocation(folder=tmp_path / "chroma"))
        archive = EpisodeArchive(files, vectors, HashEmbeddings())
        await archive.append(episode("1", "the swordfish stands in GOAT-42"))
        await other.read("ana", "episodic", lambda db: None)
        await files.erase("ana")
        await archive.append(episode("2", "a new swordfish"))
        found = await archive.search("swordfish", owner="ana", limit=5, by=[Keys(["GOAT-42"])])
        assert [hit.episode.turn_id for hit in found.hits] == ["2"]
        assert (found.query.documents, keyed(found)) == (1, set())
        for each in (files, other):
            await each.close()
        await archive.close()


def write_first_version(path: Path, told: list[Episode]) -> None:
    """Write an owner's file as the first version of the schema had it."""
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        for step in MIGRATIONS[0]:
            assert isinstance(step, str)
            db.execute(step)
        db.execute("PRAGMA user_version = 1")
        db.execute("INSERT INTO owner (id, name) VALUES (1, ?)", (b"ana",))
        db.executemany(
            "INSERT INTO episodes (turn_id, thread, message, reply, at, tags) VALUES (?, ?, ?, ?, ?, '[]')",
            [(each.turn_id, each.thread, each.message, each.reply, to_micros(each.at)) for each in told],
        )


class TestOlderFiles:
    TOLD = (
        episode("0", "the swordfish is ripe"),
        episode("1", "see GOAT-42", "It is fixed, see https://goat.example/a"),
    )

    @pytest.mark.parametrize("first", ["a search", "a write"])
    async def test_words_and_keys_of_older_files_are_derived(
        self, open_archive: OpenArchive, tmp_path: Path, first: str
    ) -> None:
        path = owner_files(tmp_path).path("ana")
        write_first_version(path, list(self.TOLD))
        archive = open_archive()
        if first == "a write":
            await archive.append(episode("2", "another swordfish"))
        found = await archive.search("swordfish", owner="ana", limit=5, by=[Keys(["https://goat.example/a"])])
        ids = {hit.episode.turn_id for hit in found.hits if hit.evidence.lexical > 0}
        assert ids == ({"0", "2"} if first == "a write" else {"0"})
        assert keyed(found) == {"1"}
        assert found.query.documents == (3 if first == "a write" else 2)
        with closing(sqlite3.connect(path)) as db:
            assert version(db) == VERSION
            words = "SELECT term, doc FROM lexicon_terms WHERE term LIKE 'sword%'"
            assert db.execute(words).fetchall() == [("swordfish", 2 if first == "a write" else 1)]
        assert await archive.index(owner="ana") == found.query.documents
        assert await archive.get(["0", "1"], owner="ana") == list(self.TOLD)

    def test_both_ways_lead_to_the_same_index(self, tmp_path: Path) -> None:
        path = owner_files(tmp_path).path("ana")
        write_first_version(path, list(self.TOLD))
        archive = EpisodeArchive(
            owner_files(tmp_path / "new"), VectorIndex(ChromaLocation(folder=tmp_path)), HashEmbeddings()
        )
        asyncio.run(archive.append_many(self.TOLD))
        asyncio.run(archive._files.close())
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("BEGIN")
            migrate(db)
            db.execute("COMMIT")
        dumps = []
        for each in (path, owner_files(tmp_path / "new").path("ana")):
            with closing(sqlite3.connect(each)) as db:
                dumps.append(
                    [
                        db.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
                        for table in ("lexicon_terms", "keys", "meta")
                    ]
                )
        assert dumps[0] == dumps[1]

    def test_a_migration_that_fails_leaves_the_file_as_it_was(self, tmp_path: Path) -> None:
        path = owner_files(tmp_path).path("ana")
        write_first_version(path, list(self.TOLD))
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("CREATE TABLE vectors (unexpected)")
            db.execute("BEGIN")
            with pytest.raises(sqlite3.OperationalError, match="vectors already exists"):
                migrate(db)
            db.execute("ROLLBACK")
            assert version(db) == 1
            tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            assert not {"keys", "lexicon"} & tables


class TestKeptVectors:
    @given(
        st.lists(
            st.lists(st.floats(-1, 1, width=16), min_size=3, max_size=3),
            min_size=1,
            max_size=6,
        )
    )
    def test_what_is_kept_comes_back(self, rows: list[list[float]]) -> None:
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
            migrate(db)
            parts = [KeptPart(n, n * 10, n * 10 + 5, n / 4, tuple(row)) for n, row in enumerate(rows)]
            assert kept_vectors.keep(db, 7, parts, Slot.FIRST) == parts
            assert kept_vectors.keep(db, 7, parts, Slot.FIRST) == []
            assert kept_vectors.keep(db, 8, parts[:1], Slot.FIRST) == parts[:1]
            read = kept_vectors.read(db, [7], Slot.FIRST)
            assert read.seqs.tolist() == [7] * len(rows)
            assert read.spans.tolist() == [[part.first, part.last] for part in parts]
            assert read.small_talk.tolist() == [part.small_talk for part in parts]
            assert read.vectors.tolist() == rows
            assert len(kept_vectors.read(db, [9, 6], Slot.FIRST).seqs) == 0
            assert kept_vectors.read(db, [8, 7], Slot.FIRST).seqs.tolist() == [7] * len(rows) + [8]
            kept_vectors.clear(db, Slot.FIRST)
            assert len(kept_vectors.read(db, [7, 8], Slot.FIRST).seqs) == 0

    def test_pages_hold_everything_once(self) -> None:
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
            migrate(db)
            for seq in range(1, PAGE + 3):
                kept_vectors.keep(db, seq, [KeptPart(0, 0, 1, 0.0, (float(seq % 7),))], Slot.FIRST)
            pages = list(kept_vectors.pages(db, Slot.FIRST))
            assert [len(page.seqs) for page in pages] == [PAGE, 2]
            assert np.concatenate([page.seqs for page in pages]).tolist() == list(range(1, PAGE + 3))

    async def test_a_lost_chroma_comes_back_without_a_model(
        self, open_archive: OpenArchive, tmp_path: Path
    ) -> None:
        first = open_archive()
        told = [episode(str(n), f"text {n} zebra " * 40, at=START + n * HOUR) for n in range(30)]
        await first.append_many(told)
        assert await first.index(owner="ana") == 30
        before = await first.search("7 zebra", owner="ana", limit=30)
        await first.close()
        shutil.rmtree(tmp_path / "chroma")
        embeddings = HashEmbeddings()
        archive = open_archive(embeddings)
        assert [step.done async for step in archive.reconcile()][-1] == 30
        assert embeddings.embedded == 0
        after = await archive.search("7 zebra", owner="ana", limit=30)
        assert [(hit.episode, hit.part) for hit in after.hits] == [
            (hit.episode, hit.part) for hit in before.hits
        ]
        assert [hit.score for hit in after.hits] == pytest.approx([hit.score for hit in before.hits])
        assert after.noise == pytest.approx(before.noise, abs=1e-6)
        await archive.append(episode("new", "a new zebra"))
        assert await archive.index(owner="ana") == 1
        assert embeddings.embedded > 0

    async def test_while_chroma_is_lost_the_meaning_of_what_words_lead_to_is_known(
        self, open_archive: OpenArchive, tmp_path: Path
    ) -> None:
        first = open_archive()
        await first.append_many([episode("1", "zebra crossing"), episode("2", "tomato soup")])
        await first.index(owner="ana")
        await first.close()
        shutil.rmtree(tmp_path / "chroma")
        archive = open_archive()
        (hit,) = (await archive.search("zebra", owner="ana", limit=1)).hits
        assert hit.episode.turn_id == "1"
        assert hit.evidence.cosine is not None
        assert hit.evidence.cosine > 0.5


async def test_reading_while_another_lane_writes_sees_one_state_of_the_file(archive: EpisodeArchive) -> None:
    await archive.append(episode("0", "zebra"))

    async def write() -> None:
        for n in range(1, 60):
            await archive.append(episode(str(n), "zebra"))

    async def read() -> None:
        for _ in range(60):
            assert (await archive.search("zebra", owner="ana", limit=5)).hits

    await asyncio.gather(write(), read())


async def test_small_talk_alone_is_no_noise(archive: EpisodeArchive) -> None:
    await archive.append(episode("0", read_null_turns()[0][0]))
    await archive.index(owner="ana")
    result = await archive.search("what is the capital of France?", owner="ana", limit=5)
    assert result.noise == ()
