"""Archives of any size, with vectors mixed from those of a few embedded turns."""

import random
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from bot.lab.bench.bench_layers import CachedEmbeddings
from graph.layers import Layers
from memory.embedding.embedding_model import EmbeddingModel
from memory.episodic.episode_archive import EpisodeArchive
from memory.models import Episode
from tests.bench.corpus import TurnText, turns

SEEDS = 320
"""Number of embedded turns; any other vector is a mix of two of theirs, plus noise."""
_OWN, _OTHER, _NOISE = 0.75, 0.45, 0.5
_BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
_BATCH = 16


class MixedEmbeddings(CachedEmbeddings):
    """The built-in model, but with document vectors mixed from a few embedded ones."""

    def __init__(self, model: EmbeddingModel, seeds: Sequence[NDArray[np.float32]] = ()) -> None:
        """Mix from the vectors `seeds`, and from those of the texts that it learns."""
        super().__init__(model, {})
        self._seeds = list(seeds)

    async def learn(self, texts: Sequence[TurnText]) -> AsyncIterator[int]:
        """Embed the turns to mix from, and report the progress."""
        for start in range(0, len(texts), _BATCH):
            some = [turn.text for turn in texts[start : start + _BATCH]]
            vectors = await self._model.aembed_documents(some)
            self._seeds += [np.asarray(vector, np.float32) for vector in vectors]
            yield len(some)

    def split_offsets(self, text: str) -> list[tuple[int, int]]:
        return [(0, len(text))]

    async def aembed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        return [self._mixed(text) for text in texts]

    def _mixed(self, text: str) -> list[float]:
        chance = random.Random(text)
        one, other = chance.sample(self._seeds, 2)
        noise = np.random.default_rng(chance.getrandbits(32)).standard_normal(len(one), np.float32)
        vector = _OWN * one + _OTHER * other + _NOISE * noise / np.linalg.norm(noise)
        unit: list[float] = (vector / np.linalg.norm(vector)).tolist()
        return unit


def episodes(owner: str, count: int, page: int = 0) -> Iterator[Episode]:
    """Invent `count` turns of `owner`, in threads of twelve; those of the next page follow them."""
    for number, turn in enumerate(turns(count, seed=count + page), start=page * count):
        yield Episode(
            turn_id=f"{owner}-{number}",
            owner=owner,
            thread=f"{owner}-{number // 12}",
            message=turn.message,
            reply=turn.reply,
            at=_BEGIN + timedelta(minutes=37 * number),
        )


async def fill(layers: Layers, embeddings: MixedEmbeddings, owner: str, count: int) -> AsyncIterator[int]:
    """Archive `count` turns of `owner`, and report how many have vectors."""
    archive = EpisodeArchive(layers.files, layers.vectors, embeddings)
    await archive.append_many(episodes(owner, count))
    done = 0
    async for progress in archive.reconcile():
        if progress.error is not None:
            raise progress.error
        if progress.owner == owner:
            yield progress.done - done
            done = progress.done
