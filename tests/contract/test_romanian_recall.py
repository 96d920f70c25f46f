"""Memories told in Romanian or English are found by Romanian questions, with the real embedding model."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.lab.bench.handmade import packaged_json
from memory.embedding.e5 import E5Embeddings
from memory.episodic.episode_archive import EpisodeArchive
from memory.episodic.vectors.vector_backend import ChromaLocation
from memory.episodic.vectors.vector_index import VectorIndex
from memory.models import Episode
from memory.owners.owner_files import OwnerFiles

PAIRS: list[dict[str, Any]] = packaged_json("romanian_pairs")
START = datetime(2025, 3, 1, tzinfo=UTC)
FOUND = 5

Places = dict[str, int]
"""For each pair, where its memory stands among those found; beyond `FOUND` when it was not."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def places(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Places]:
    """Ask every question of one archive that holds all the memories."""
    folder = tmp_path_factory.mktemp("romanian")
    files = OwnerFiles(folder / "owners")
    embeddings = E5Embeddings(model_folder)
    vectors = VectorIndex(ChromaLocation(folder=folder / "chroma"))
    archive = EpisodeArchive(files, vectors, embeddings, model_folder)
    await archive.append_many(
        Episode(
            turn_id=pair["id"],
            owner="ana",
            thread=pair["id"],
            message=pair["memory"]["message"],
            reply=pair["memory"]["reply"],
            at=START + timedelta(days=number),
        )
        for number, pair in enumerate(PAIRS)
    )
    assert await archive.index(owner="ana") == len(PAIRS)
    found = {}
    for pair in PAIRS:
        result = await archive.search(pair["query"], owner="ana", limit=FOUND)
        assert (result.waiting, result.problems) == (0, ())
        ids = [hit.episode.turn_id for hit in result.hits]
        found[pair["id"]] = ids.index(pair["id"]) + 1 if pair["id"] in ids else FOUND + 1
    yield found
    await archive.close()
    await files.close()
    await embeddings.aclose()


def share(places: Places, place: int) -> float:
    return sum(found <= place for found in places.values()) / len(places)


def told(places: Places) -> str:
    return f"{Counter(places.values())}; missed: {[name for name, at in places.items() if at > 1]}"


def test_three_of_four_stand_first(places: Places) -> None:
    assert share(places, 1) >= 0.75, told(places)


def test_most_stand_among_the_first_five(places: Places) -> None:
    assert share(places, FOUND) >= 0.85, told(places)
