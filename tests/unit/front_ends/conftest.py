"""An archive in a folder of the test's own, over hashed embeddings."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from memory.episodic.episode_archive import EpisodeArchive
from memory.episodic.vectors.vector_backend import ChromaLocation
from memory.episodic.vectors.vector_index import VectorIndex
from memory.owners.owner_files import OwnerFiles
from tests.servers.hash_embeddings import HashEmbeddings


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[EpisodeArchive]:
    files = OwnerFiles(tmp_path / "owners")
    vectors = VectorIndex(ChromaLocation(folder=tmp_path / "chroma"))
    archive = EpisodeArchive(files, vectors, HashEmbeddings())
    yield archive
    await archive.close()
    await files.close()
