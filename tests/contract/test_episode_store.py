"""What an `EpisodeArchive` keeps to: with Chroma in a folder or on a server, with files or PostgreSQL."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from memory.database import OwnerTables, owner_key
from memory.episodic.episode_archive import EpisodeArchive
from memory.episodic.search.hits import Query
from memory.episodic.vectors.noise_floor import read_null_turns
from memory.episodic.vectors.vector_backend import ChromaLocation, VectorBackend
from memory.episodic.vectors.vector_index import VectorIndex, connect_chroma
from memory.errors import EmbeddingMismatch, TierUnavailable
from memory.models import Episode, Seen
from memory.owners.owner_files import OwnerFiles
from memory.owners.owner_partitions import OwnerPartitions
from memory.provenance import Carrier, Part, Speaker
from memory.recall.fusion_weights import FusionWeights
from memory.recall.mechanisms import Keys
from memory.results import Hit
from tests.servers.chroma import ChromaServer, chroma_server
from tests.servers.hash_embeddings import HashEmbeddings
from tests.servers.postgres import PostgresServer

START = datetime(2025, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
HOSTILE_OWNERS = [
    "../../x",
    "a/b",
    "",
    "é" * 3000,
    "ανδρέας 🦉",
    "Ana",
    "ana",
    "a\0b",
    "\ud800",
    "con",
    "x" * 500,
]

NO_SMALL_TALK = 2
"""The first null turn on a foreign topic that is no small talk to `HashEmbeddings`."""

ALONE = FusionWeights(neighbours=0)
"""Each turn by what it says itself."""
WORDS_ALONE = FusionWeights(neighbours=0, dense=0)

OpenArchive = Callable[..., EpisodeArchive]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChromaServer]:
    with chroma_server(tmp_path_factory.mktemp("chroma-server")) as running:
        httpx.post(f"{running.url}/api/v2/tenants", json={"name": "people"}).raise_for_status()
        databases = f"{running.url}/api/v2/tenants/people/databases"
        httpx.post(databases, json={"name": "goat"}).raise_for_status()
        yield running


@pytest.fixture(params=["folder", "server", "postgres"])
async def open_archive(
    request: pytest.FixtureRequest, tmp_path: Path, server: ChromaServer, postgres: PostgresServer
) -> AsyncIterator[OpenArchive]:
    """Open the same data as often as wanted, as several processes one after the other would."""
    url = SecretStr(f"{server.url}/people/goat" if request.param == "server" else "")
    archive_url = SecretStr(postgres.new_url() if request.param == "postgres" else "")
    opened: list[tuple[EpisodeArchive, OwnerTables]] = []

    def open_one(embeddings: HashEmbeddings | None = None) -> EpisodeArchive:
        own = OwnerPartitions(archive_url) if archive_url else OwnerFiles(tmp_path / "owners")
        vectors = VectorIndex(ChromaLocation(folder=tmp_path / "chroma", url=url))
        archive = EpisodeArchive(own, vectors, embeddings or HashEmbeddings())
        opened.append((archive, own))
        return archive

    yield open_one
    for archive, own in opened:
        await archive.close()
        await own.close()


@pytest.fixture
def archive(open_archive: OpenArchive) -> EpisodeArchive:
    return open_archive()


def impatiently(location: ChromaLocation) -> VectorBackend:
    return connect_chroma(replace(location, timeout=1.0))


def episode(turn_id: str, message: str, reply: str = "", *, owner: str = "ana", minute: int = 0) -> Episode:
    at = START + timedelta(minutes=minute)
    return Episode(
        turn_id=turn_id, owner=owner, thread="t", message=message, reply=reply, at=at, tags=("a", "ț")
    )


async def fill(store: EpisodeArchive, *messages: str, owner: str = "ana") -> None:
    for number, message in enumerate(messages):
        await store.append(episode(f"{number}", message, owner=owner, minute=number))
    await store.index(owner=owner)


def by_words(hit: Hit) -> str:
    """Return what was found by its words alone."""
    assert hit.evidence.lexical > 0
    assert (hit.evidence.cosine, hit.evidence.standing, hit.evidence.surplus) == (None, None, None)
    return hit.episode.message


def by_meaning(hit: Hit) -> str:
    """Return what was found with its vectors."""
    assert None not in (hit.evidence.cosine, hit.evidence.surplus)
    return hit.episode.message


async def test_an_episode_comes_back_as_it_was(archive: EpisodeArchive) -> None:
    text = "  Ștefan 🦉 said:\r\n\0 <b>100%</b> \u202e end\n"
    told = episode("bot:1#2", text, "réply\0 ")
    assert await archive.append(told)
    assert await archive.get(["bot:1#2"], owner="ana") == [told]
    await archive.index(owner="ana")
    assert [hit.episode for hit in (await archive.search("Ștefan", owner="ana", limit=3)).hits] == [told]


@pytest.mark.parametrize("speaker", [Speaker.OWNER, Speaker.THIRD_PARTY])
async def test_what_others_said_comes_back_as_theirs_and_is_found(
    archive: EpisodeArchive, speaker: Speaker
) -> None:
    parts = (
        Part(text="Mihai", carrier=Carrier.NAME, speaker=Speaker.OWNER),
        Part(text="bring wine", carrier=Carrier.QUOTED, source="Dan"),
        Part(text="Invoice for a chandelier, ABC-123", carrier=Carrier.DOCUMENT, source="ț.pdf"),
    )
    told = replace(episode("1", "look"), parts=parts, speaker=speaker, carrier=Carrier.IMPORT)
    await archive.append(told)
    await archive.append(episode("2", "The kettle is on."))
    await archive.index(owner="ana")
    assert (told.message, told.foreign) == ("look", True)
    assert told.said == "Mihai: look\n\n[document ț.pdf]\nInvoice for a chandelier, ABC-123"
    for query, keys in (("chandelier", ()), ("Mihai", ()), ("", ("ABC-123",))):
        found = await archive.search(query, owner="ana", limit=1, by=[Keys(keys)])
        assert found.hits[0].episode == told, query


async def test_the_first_of_a_turn_id_stands(archive: EpisodeArchive) -> None:
    assert await archive.append(episode("1", "first"))
    assert not await archive.append(episode("1", "second"))
    assert [found.message for found in await archive.recent(owner="ana", limit=9)] == ["first"]


async def test_search_finds_the_closest_first(archive: EpisodeArchive) -> None:
    await fill(
        archive, "red bicycle repair", "tomato soup with basil", "bicycle race in the hills", "tax forms"
    )
    result = await archive.search("bicycle repair", owner="ana", limit=2, weights=ALONE)
    assert [hit.episode.turn_id for hit in result.hits] == ["0", "2"]
    first, second = result.hits
    assert first.score > second.score > 0
    assert (first.evidence.coverage, second.evidence.lexical > 0) == (1.0, True)
    assert first.evidence.lexical > second.evidence.lexical
    assert 1 >= (first.evidence.cosine or 0) > (second.evidence.cosine or 0) >= -1
    assert (result.query.documents, result.query.words, result.query.model) == (4, 2, "hash-1")
    assert (result.waiting, result.problems) == (0, ())


async def test_an_episode_is_found_by_any_of_its_parts_and_only_once(archive: EpisodeArchive) -> None:
    long = "\n".join(f"filler line number {number} about nothing" for number in range(40))
    await fill(archive, f"{long}\nthe zanzibar clause\n{long}", "another thing", f"{long} {long}")
    result = await archive.search("zanzibar clause", owner="ana", limit=3, weights=ALONE)
    (best,) = [hit for hit in result.hits if hit.episode.turn_id == "0"]
    assert "zanzibar" in best.episode.text[slice(*best.part)]
    assert best.evidence.coverage == 1
    assert all((best.evidence.cosine or 0) >= (hit.evidence.cosine or 0) for hit in result.hits)
    by_its_words = await archive.search("zanzibar clause", owner="ana", limit=3, weights=WORDS_ALONE)
    assert by_its_words.hits[0].episode.turn_id == "0"
    assert sorted(hit.episode.turn_id for hit in result.hits) == ["0", "1", "2"]


async def test_an_episode_of_many_parts_does_not_crowd_out_others(open_archive: OpenArchive) -> None:
    archive = open_archive(HashEmbeddings(part=40))
    others = [f"zebra and {word}" for word in ("soup", "tyre", "egg", "tax")]
    await fill(archive, "zebra zebra zebra zebra zebra. " * 200, *others)
    found = (await archive.search("zebra", owner="ana", limit=5)).hits
    assert sorted(hit.episode.turn_id for hit in found) == ["0", "1", "2", "3", "4"]


async def test_what_was_said_next_is_found_with_it(archive: EpisodeArchive) -> None:
    said = ["which tent sleeps four", "the blue one", "so be it", "a long silence"]
    for number, message in enumerate(said):
        await archive.append(episode(str(number), message, minute=number))
    await archive.append(replace(episode("elsewhere", "the blue one", minute=1), thread="other"))
    await archive.append(episode("next day", "the green one", minute=24 * 60))
    await archive.index(owner="ana")
    found = (await archive.search("tent four", owner="ana", limit=6)).hits
    scores = {hit.episode.turn_id: hit.score for hit in found}
    assert found[0].episode.turn_id == "0"
    assert scores["1"] > scores["2"] > scores.get("3", 0)
    assert scores["1"] > scores.get("elsewhere", 0)
    assert scores["1"] > scores.get("next day", 0)


async def test_a_result_says_whether_all_turns_had_their_vectors(archive: EpisodeArchive) -> None:
    await archive.append(episode("0", "red bicycle"))
    waiting = await archive.search("bicycle", owner="ana", limit=1)
    assert [by_words(hit) for hit in waiting.hits] == ["red bicycle"]
    assert waiting.waiting
    await archive.index(owner="ana")
    indexed = await archive.search("bicycle", owner="ana", limit=1)
    assert [by_meaning(hit) for hit in indexed.hits] == ["red bicycle"]
    assert not indexed.waiting
    await archive.append(episode("1", "green bicycle"))
    both = await archive.search("green bicycle", owner="ana", limit=2)
    assert both.waiting
    cosines = {hit.episode.turn_id: hit.evidence.cosine is not None for hit in both.hits}
    assert cosines == {"0": True, "1": False}
    assert not (await archive.search("bicycle", owner="nobody", limit=1)).waiting


async def test_noise_is_what_null_turns_reach(archive: EpisodeArchive) -> None:
    small_talk, foreign = read_null_turns()
    await fill(archive, "tomato soup")
    low = (await archive.search("soup", owner="ana", limit=1)).noise
    await archive.append(episode("x", foreign[NO_SMALL_TALK]))
    await archive.index(owner="ana")
    high = (await archive.search("soup", owner="ana", limit=1)).noise
    assert len(low) == len(high) == len(small_talk + foreign)
    assert list(high) == sorted(high)
    assert max(low) < 0.9
    assert max(high) == pytest.approx(1, abs=1e-3)


async def test_small_talk_is_told_and_raises_no_noise(archive: EpisodeArchive) -> None:
    small_talk, _ = read_null_turns()
    await fill(archive, "tomato soup", small_talk[0])
    found = await archive.search(small_talk[0], owner="ana", limit=2)
    assert found.query.small_talk
    assert [hit.small_talk for hit in found.hits] == [True, False]
    assert max(found.noise) < 0.9
    assert not (await archive.search("tomato soup", owner="ana", limit=2)).query.small_talk


async def test_owners_never_meet(archive: EpisodeArchive) -> None:
    for owner in HOSTILE_OWNERS:
        assert await archive.append(
            episode("same-id", f"secret of {len(owner)} {owner!a}"[:300], owner=owner)
        )
        await archive.index(owner=owner)
    assert len({owner_key(owner) for owner in HOSTILE_OWNERS}) == len(HOSTILE_OWNERS)
    for owner in HOSTILE_OWNERS:
        (hit,) = (await archive.search("secret", owner=owner, limit=5)).hits
        assert hit.episode.owner == owner
        assert hit.episode.message == f"secret of {len(owner)} {owner!a}"[:300]
    assert (await archive.search("secret", owner="ANA", limit=5)).hits == ()


async def test_erasing_an_owner_leaves_the_others(archive: EpisodeArchive) -> None:
    await fill(archive, "mine and only mine", owner="ana")
    await fill(archive, "theirs", owner="Ana")
    await archive.erase(owner="ana")
    assert await archive.count(owner="ana") == 0
    assert (await archive.search("mine", owner="ana", limit=5)).hits == ()
    assert len((await archive.search("theirs", owner="Ana", limit=5)).hits) == 1
    await fill(archive, "a new life", owner="ana")
    assert len((await archive.search("mine", owner="ana", limit=5)).hits) == 1


async def test_an_unknown_owner_reads_as_empty_and_leaves_no_file(
    archive: EpisodeArchive, tmp_path: Path
) -> None:
    assert await archive.recent(owner="nobody", limit=3) == []
    assert await archive.get(["1"], owner="nobody") == []
    assert (await archive.search("x", owner="nobody", limit=3)).hits == ()
    assert await archive.index(owner="nobody") == 0
    await archive.erase(owner="nobody")
    assert not (tmp_path / "owners").exists()


async def test_reading_by_id_recency_and_use(archive: EpisodeArchive) -> None:
    await fill(archive, "a", "b", "c")
    assert [found.turn_id for found in await archive.get(["2", "nope", "0"], owner="ana")] == ["2", "0"]
    assert [found.turn_id for found in await archive.recent(owner="ana", limit=2)] == ["2", "1"]
    later, again = episode("3", "d", minute=3), episode("4", "e", minute=4)
    assert await archive.append(later, ["0", "0", "nope"])
    assert not await archive.append(later, ["0", "1"]), "a turn that is archived again counts once"
    assert await archive.append(again, ["0"])
    assert [found.access_count for found in await archive.get(["0", "1"], owner="ana")] == [2, 0]
    assert [found.turn_id async for found in archive.all(owner="ana")] == ["0", "1", "2", "3", "4"]


async def test_indexing_at_once_embeds_each_episode_once(open_archive: OpenArchive) -> None:
    embeddings = HashEmbeddings()
    archive = open_archive(embeddings)
    assert await archive.append_many([episode(str(n), f"text {n}", minute=n) for n in range(70)]) == 70
    counts = await asyncio.gather(*(archive.index(owner="ana") for _ in range(5)))
    assert sorted(counts) == [0, 0, 0, 0, 70]
    assert embeddings.embedded == 70
    assert len((await archive.search("text", owner="ana", limit=70)).hits) == 70


async def test_indexing_reports_every_episode_once(archive: EpisodeArchive) -> None:
    await archive.append_many([episode(str(n), f"text {n}", minute=n) for n in range(70)])
    steps = [step async for step in archive.indexing(owner="ana")]
    assert [step.done for step in steps] == sorted({step.done for step in steps})
    assert {(step.owner, step.total) for step in steps} == {("ana", 70)}
    assert (steps[-1].done, steps[-1].begun) == (70, 70)
    assert [step async for step in archive.indexing(owner="ana")] == []


async def test_at_the_start_only_what_is_pending_is_indexed(archive: EpisodeArchive) -> None:
    for owner in ("ana", "bob"):
        await archive.append(episode("1", "zebra", owner=owner))
        await archive.index(owner=owner)
    await archive.append(episode("2", "zebra", owner="bob"))
    assert [(step.owner, step.done) async for step in archive.reconcile()] == [("bob", 1)]


async def test_text_that_cannot_be_stored_is_refused_by_name(archive: EpisodeArchive) -> None:
    with pytest.raises(ValueError, match="the message of an episode holds a lone surrogate at character 3"):
        await archive.append(episode("1", "abc\ud800"))
    with pytest.raises(ValueError, match="time zone"):
        await archive.append(
            Episode(turn_id="1", owner="ana", thread="t", message="m", reply="", at=datetime(2025, 1, 1))  # noqa: DTZ001
        )
    assert await archive.count(owner="ana") == 0


async def test_vectors_of_another_model_are_left_alone_until_reindexed(open_archive: OpenArchive) -> None:
    await fill(open_archive(), "red bicycle", "green soup")
    other = open_archive(HashEmbeddings("hash-2", dimension=64))
    way_out = r"goat reindex --owner ana.*GOAT_EMBEDDING_MODEL.*hash-1"
    with pytest.raises(EmbeddingMismatch, match=way_out):
        await other.index(owner="ana")
    told = await other.search("soup", owner="ana", limit=1)
    assert [by_words(hit) for hit in told.hits] == ["green soup"]
    assert told.query.model == ""
    assert re.search(way_out, "; ".join(told.problems))
    assert [step.done async for step in other.reindex(owner="ana")] == [2]
    again = await other.search("soup", owner="ana", limit=1)
    assert [by_meaning(hit) for hit in again.hits] == ["green soup"]
    assert (again.problems, again.query.model) == ((), "hash-2")


async def test_vectors_by_two_models_are_built_searched_and_forgotten_next_to_each_other(
    open_archive: OpenArchive,
) -> None:
    first, other = open_archive(), open_archive(HashEmbeddings("hash-2", dimension=64))
    await fill(first, "red bicycle", "green soup", "blue sea")
    found = await first.search("soup", owner="ana", limit=1)
    assert ([by_meaning(hit) for hit in found.hits], found.query.model) == (["green soup"], "hash-1")
    assert [step.done async for step in other.reindex(owner="ana")] == [3]
    await first.append(episode("late", "white goat"))
    assert await first.index(owner="ana") == 1
    assert await other.index(owner="ana") == 1
    for archive, model in ((first, "hash-1"), (other, "hash-2")):
        told = await archive.search("goat", owner="ana", limit=1)
        assert ([by_meaning(hit) for hit in told.hits], told.problems) == (["white goat"], ())
        assert told.query.model == model
    await first.remove(["1"], owner="ana")
    for archive in (first, other):
        found = await archive.search("soup", owner="ana", limit=9)
        assert "green soup" not in [by_meaning(hit) for hit in found.hits]
    third = open_archive(HashEmbeddings("hash-3"))
    with pytest.raises(EmbeddingMismatch, match=r"hash-1 and by hash-2.*--drop-others"):
        await third.reindex(owner="ana").__anext__()
    with pytest.raises(EmbeddingMismatch, match="nothing is deleted"):
        await third.drop_others(owner="ana")
    assert await other.drop_others(owner="ana") == ["hash-1"]
    assert await other.drop_others(owner="ana") == []
    with pytest.raises(EmbeddingMismatch):
        await first.index(owner="ana")
    found = await other.search("goat", owner="ana", limit=1)
    assert [by_meaning(hit) for hit in found.hits] == ["white goat"]


async def test_a_past_search_leaves_the_vectors_of_another_model_alone(open_archive: OpenArchive) -> None:
    first, other = open_archive(), open_archive(HashEmbeddings("hash-2", dimension=64))
    await fill(first, "red bicycle", "green soup", "blue sea")
    seen = (await first.search("soup", owner="ana", limit=1)).seen
    assert seen is not None
    dated = replace(seen, until=START + timedelta(hours=1))
    for past, at in ((other.past(owner="ana"), seen), (other.dated(owner="ana"), dated)):
        told = await past.search(Query(text="soup", owner="ana", limit=1), at, same_reach=False)
        assert [by_words(hit) for hit in told.hits] == ["green soup"]
        await past.close()


async def test_an_archive_as_of_a_time_has_the_vectors_of_its_model(open_archive: OpenArchive) -> None:
    first, other = open_archive(), open_archive(HashEmbeddings("hash-2", dimension=64))
    await fill(first, "red bicycle", "green soup", "blue sea")
    assert [step.done async for step in other.reindex(owner="ana")] == [3]
    seen = Seen(episodes=3, until=START + timedelta(hours=1), led_to=())
    for archive in (first, other):
        past, now = archive.dated(owner="ana"), await archive.search("soup", owner="ana", limit=1)
        told = await past.search(Query(text="soup", owner="ana", limit=1), seen, same_reach=False)
        assert [by_meaning(hit) for hit in told.hits] == ["green soup"]
        assert [hit.evidence.cosine for hit in told.hits] == [hit.evidence.cosine for hit in now.hits]
        await past.close()


async def test_a_model_of_the_same_name_with_longer_vectors_is_another_one(open_archive: OpenArchive) -> None:
    await fill(open_archive(), "red bicycle", "green soup")
    longer = open_archive(HashEmbeddings(dimension=256))
    with pytest.raises(EmbeddingMismatch, match="128 numbers"):
        await longer.index(owner="ana")
    told = await longer.search("soup", owner="ana", limit=1)
    assert [by_words(hit) for hit in told.hits] == ["green soup"]
    assert "128 numbers" in told.problems[0]


async def test_vectors_without_an_episode_are_ignored_and_deleted(open_archive: OpenArchive) -> None:
    archive = open_archive()
    await fill(archive, "red bicycle", "green soup")
    await archive._files.write(
        "ana", "episodic", lambda db: db.execute("DELETE FROM episodes WHERE turn_id = '0'").rowcount
    )
    assert [hit.episode.turn_id for hit in (await archive.search("bicycle", owner="ana", limit=2)).hits] == [
        "1"
    ]
    await archive.index(owner="ana")
    assert [hit.episode.turn_id for hit in (await archive.search("bicycle", owner="ana", limit=2)).hits] == [
        "1"
    ]


async def test_a_server_that_hangs_costs_the_vectors_alone_and_comes_back(
    tmp_path: Path, server: ChromaServer
) -> None:
    files = OwnerFiles(tmp_path / "owners")
    location = ChromaLocation(folder=tmp_path, url=SecretStr(server.url))
    patient = EpisodeArchive(files, VectorIndex(location), HashEmbeddings())
    await fill(patient, "red bicycle", owner="hanging")
    vectors = VectorIndex(location, connect=impatiently, patience=0.0, limit=0.5)
    archive = EpisodeArchive(files, vectors, HashEmbeddings())
    with server.frozen():
        for problem in ("did not answer in", "still hang"):
            told = await archive.search("bicycle", owner="hanging", limit=1)
            assert [hit.episode.message for hit in told.hits] == ["red bicycle"]
            assert [problem in named for named in told.problems] == [True], told.problems
    while told.problems:
        await asyncio.sleep(0.05)
        told = await archive.search("bicycle", owner="hanging", limit=1)
    assert [by_meaning(hit) for hit in told.hits] == ["red bicycle"]
    await patient.close()
    await archive.close()
    await files.close()


async def test_a_server_that_is_down_costs_the_vectors_alone_and_comes_back(
    tmp_path: Path, server: ChromaServer
) -> None:
    files = OwnerFiles(tmp_path / "owners")
    location = ChromaLocation(folder=tmp_path, url=SecretStr(server.url))
    archive = EpisodeArchive(files, VectorIndex(location), HashEmbeddings())
    await fill(archive, "red bicycle", owner="down")
    server.stop()
    try:
        told = await archive.search("bicycle", owner="down", limit=1)
        assert [hit.episode.message for hit in told.hits] == ["red bicycle"]
        assert [server.url in named for named in told.problems] == [True], told.problems
        assert await archive.append(episode("later", "kept all the same", owner="down"))
        late = await archive.search("kept", owner="down", limit=1)
        assert [by_words(hit) for hit in late.hits] == ["kept all the same"]
        assert late.waiting
        with pytest.raises(TierUnavailable, match=server.url):
            await archive.index(owner="down")
    finally:
        server.start()
    assert await archive.index(owner="down") == 1
    await archive.close()
    await files.close()


async def test_indexing_goes_on_when_nobody_waits_any_more(open_archive: OpenArchive) -> None:
    archive = open_archive()
    await archive.append_many([episode(str(n), f"{n} is {n * n} or {n / 7}", minute=n) for n in range(100)])
    waiting = asyncio.create_task(archive.index(owner="ana"))
    await asyncio.sleep(0)
    waiting.cancel()
    await archive.append(episode("last", "text last"))
    assert await archive.index(owner="ana") <= 101
    assert await archive.index(owner="ana") == 0
    assert (await archive.search("9801", owner="ana", limit=1)).hits[0].episode.turn_id == "99"
    assert (await archive.search("text last", owner="ana", limit=1)).hits[0].episode.turn_id == "last"


def test_a_location_is_named_without_its_token() -> None:
    location = ChromaLocation(folder=Path("x"), url=SecretStr("https://s3cr3t@host:8000"))
    assert str(location) == "https://host:8000"
    assert "s3cr3t" not in repr(location)
