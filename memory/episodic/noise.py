"""What "something always ranks first" looks like in an archive: turns that nothing in it is about."""

import asyncio
import hashlib
import json
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from memory.embedding.model import EmbeddingModel

Matrix = NDArray[np.float32]


class NullTurns:
    """The fixed null turns (small talk, foreign topics), embedded once, on first use."""

    def __init__(self, embeddings: EmbeddingModel) -> None:
        self._embeddings = embeddings
        self._vectors: Matrix | None = None
        self._name = ""

    async def name(self) -> str:
        """Tell this list under this model from any other."""
        await self.vectors()
        return self._name

    async def vectors(self) -> Matrix:
        """Return one row of unit length for each null turn."""
        if self._vectors is None:
            turns = await asyncio.to_thread(read_null_turns)
            digest = hashlib.sha256(json.dumps(turns).encode()).hexdigest()
            self._name = f"{digest[:12]}/{self._embeddings.name}"
            rows = [await self._embeddings.aembed_query(turn) for turn in turns]
            self._vectors = unit(rows)
        return self._vectors

    async def maxima(self, vectors: list[list[float]]) -> Matrix:
        """Return the best cosine similarity of each null turn with any of `vectors`; -1 with none."""
        nulls = await self.vectors()
        if not vectors:
            return np.full(len(nulls), -1, np.float32)
        return np.asarray((nulls @ unit(vectors).T).max(axis=1), np.float32)


def read_null_turns() -> list[str]:
    """Read the null turns, in a fixed order."""
    groups = json.loads(files(__package__).joinpath("null_turns.json").read_text("utf-8"))
    return [turn for languages in groups.values() for turns in languages.values() for turn in turns]


def unit(rows: list[list[float]]) -> Matrix:
    """Scale each row to unit length; a row of zeros stays."""
    matrix = np.asarray(rows, np.float32)
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.asarray(matrix / np.maximum(lengths, 1e-12), np.float32)
