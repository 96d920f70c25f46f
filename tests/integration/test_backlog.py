"""Long exchanges get their vectors in two steps: what the person said, then the rest."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from memory.episodic.episode_archive import EpisodeArchive
from memory.episodic.index.vector_state import collection_name
from memory.models import Episode
from tests.integration.test_episode_recovery import build, episode
from tests.servers.hash_embeddings import HashEmbeddings

COUNT = 40


class NotingEmbeddings(HashEmbeddings):
    """Note each text that is embedded."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    async def aembed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        self.texts += texts
        return await super().aembed_documents(texts)


def exchange(number: int) -> Episode:
    """Make an exchange whose reply takes several windows, each unlike any other."""
    reply = " ".join(f"lorem-{number}-{word}" for word in range(60))
    return replace(episode(str(number), f"asked {number} zebra", minute=number), reply=reply)


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[EpisodeArchive]:
    archive, files = build(tmp_path, NotingEmbeddings())
    await archive.append_many(map(exchange, range(COUNT)))
    yield archive
    await archive.close()
    await files.close()


async def test_what_people_said_is_embedded_before_long_replies_and_found_meanwhile(
    archive: EpisodeArchive,
) -> None:
    async with aclosing(archive.indexing(owner="ana")) as run:
        steps = [await anext(run)]
        while steps[-1].begun < COUNT:
            steps.append(await anext(run))
        assert [(step.done, step.total) for step in steps] == [(0, COUNT)] * len(steps)
        result = await archive.search("asked 7 zebra", owner="ana", limit=1)
    assert (result.hits[0].episode.turn_id, not result.waiting) == ("7", False)
    assert result.hits[0].evidence.cosine is not None


async def test_an_embedding_anew_that_is_broken_off_lets_the_next_run_in(archive: EpisodeArchive) -> None:
    async with aclosing(archive.reindex(owner="ana")) as run:
        await anext(run)
    assert not any(lock.locked() for lock in archive._indexer._locks.values())
    assert await archive.index(owner="ana") == COUNT


async def test_a_run_that_was_broken_off_embeds_nothing_twice(
    archive: EpisodeArchive, tmp_path: Path
) -> None:
    async with aclosing(archive.indexing(owner="ana")) as run:
        while (written := (await anext(run)).done) == 0:
            pass
    embeddings = NotingEmbeddings()
    again, files = build(tmp_path, embeddings)
    assert await again.index(owner="ana") == COUNT - written
    state = await again._indexer._ledger.state("ana")
    windows = sum(len(embeddings.split_offsets(exchange(number).text)) for number in range(COUNT))
    assert not [text for text in embeddings.texts if "lorem" not in text]
    assert (state.pending, state.parts) == (0, windows)
    assert await again._vectors.count(collection_name("ana", state)) == windows + COUNT
    assert not (await again.search("zebra", owner="ana", limit=5)).waiting
    await again.close()
    await files.close()
