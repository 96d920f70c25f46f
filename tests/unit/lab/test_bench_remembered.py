"""No document is embedded twice, and what is remembered is what was embedded."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

import graph.layers
from bot.lab.bench.bench_run import layers_in
from bot.lab.bench.race.remembered_embeddings import CachedEmbeddings, archive_cache
from graph.settings.settings import Settings
from memory.models import Episode
from tests.servers.hash_embeddings import HashEmbeddings

EPISODE = Episode(
    turn_id="1", owner="ana", thread="t", message="a b", reply="", at=datetime(2026, 1, 1, tzinfo=UTC)
)


class Counted(HashEmbeddings):
    """Hashed words, and how many texts were embedded."""

    count = 0

    async def aembed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        self.count += len(texts)
        return await super().aembed_documents(list(texts))


async def test_each_text_is_embedded_once() -> None:
    counted = Counted()
    remembered = CachedEmbeddings(counted, {})
    first = await remembered.aembed_documents(["a b", "c", "a b"])
    again = await remembered.aembed_documents(["c", "a b"])
    assert counted.count == 2
    assert first == [again[1], again[0], again[1]]
    assert first[0] == pytest.approx((await counted.aembed_documents(["a b"]))[0])


async def test_another_run_embeds_nothing_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = []
    for name in ("one", "other"):
        counted = Counted()
        monkeypatch.setattr(graph.layers, "embedding_model", lambda _, model=counted: model)
        folder = tmp_path / name
        folder.mkdir()
        async with layers_in(folder, Settings(data_folder=folder)) as layers:
            with archive_cache(layers, tmp_path / "vectors.npz"):
                await layers.episodes.append(EPISODE)
                assert await layers.episodes.index(owner="ana") == 1
                found = await layers.episodes.search("a b", owner="ana", limit=1)
        assert [hit.episode.turn_id for hit in found.hits] == ["1"]
        counts.append(counted.count)
    assert counts[0] > counts[1] == 0
