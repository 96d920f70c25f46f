"""What "something always ranks first" looks like in an archive: turns that nothing in it is about."""

import asyncio
import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterable
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memory.concurrency.background import Background, outcome
from memory.embedding.embedding_model import EmbeddingModel
from memory.episodic.vectors.kept_vectors import MESSAGE, Parts

LOG = logging.getLogger(__name__)
Matrix = NDArray[np.float32]
Rows = list[list[float]]
LEAST_SCATTER = 0.01
SAME = 0.999  # cosine similarity of two vectors that one model makes of one text
LOWEST_BAR = 0.3  # for models that tell hardly any two small-talk turns to be alike


class NullTurns:
    """The fixed null turns (small talk first, then foreign topics), embedded once, on first use.

    Args:
        embeddings: the model.
        background: where embedding goes on when whoever waits is cancelled.
        folder: where to keep the vectors for the next start; None embeds them at each.
    """

    def __init__(
        self, embeddings: EmbeddingModel, background: Background, folder: Path | None = None
    ) -> None:
        self._embeddings = embeddings
        self._background = background
        self._folder = folder
        self._vectors: Matrix | None = None
        self._small_talk = 0
        self.bar = 1.0
        """The likeness from which something counts as small talk."""
        self.scale = 1.0
        """How far the similarities of unrelated texts scatter under this model: their standard deviation."""
        self._mean = np.empty(0, np.float32)
        self._name = ""

    async def name(self) -> str:
        """Tell this list under this model from any other."""
        await self.vectors()
        return self._name

    async def vectors(self) -> Matrix:
        """Return one row of unit length for each null turn.

        Callers at once share the work, and it goes on when they are cancelled.
        """
        if self._vectors is None:
            return await outcome(self._background.joined(self, self._embedded))
        return self._vectors

    async def average(self) -> Matrix:
        """Return the mean vector of the null turns."""
        await self.vectors()
        return self._mean

    async def _embedded(self) -> Matrix:
        small_talk, foreign = await asyncio.to_thread(read_null_turns)
        turns = small_talk + foreign
        digest = hashlib.sha256(json.dumps(turns).encode()).hexdigest()
        self._name = f"{digest[:12]}/{self._embeddings.name}"
        rows = await self._read_or_embedded(turns)
        self._small_talk = len(small_talk)
        self.bar = likeness_bar(rows[: self._small_talk])
        self.scale = scatter(rows)
        self._mean = rows.mean(axis=0)
        self._vectors = rows
        return rows

    async def _read_or_embedded(self, turns: list[str]) -> Matrix:
        if self._folder is None:
            return unit(await self._queries(turns))
        kept = self._folder / f"null-turns-{hashlib.sha256(self._name.encode()).hexdigest()[:24]}.npy"
        rows = await asyncio.to_thread(read_rows, kept, len(turns))
        if rows is not None and same_model(rows[0], unit(await self._queries(turns[:1]))[0]):
            return rows
        rows = unit(await self._queries(turns))
        await asyncio.to_thread(keep_rows, kept, rows)
        return rows

    async def _queries(self, turns: list[str]) -> Rows:
        if self._embeddings.remote:
            return await self._embeddings.aembed_documents(turns)
        return [await self._embeddings.aembed_query(turn) for turn in turns]

    async def small_talk(self, vectors: Rows) -> list[float]:
        """Return, for each vector, its best cosine similarity with a null turn that is small talk."""
        nulls = (await self.vectors())[: self._small_talk]
        return [float(best) for best in (unit(vectors) @ nulls.T).max(axis=1)] if vectors else []

    def is_small_talk(self, likeness: float) -> bool:
        """Tell whether something so like small talk is small talk; False before the turns are embedded."""
        return likeness >= self.bar

    async def measure(self) -> Callable[[Iterable[Parts]], Matrix]:
        """Return what finds, for each null turn, its best similarity with any of many parts; -1 with none.

        Parts that are small talk themselves do not count: else the archive's thanks and greetings would
        answer those of the null turns, and nothing could beat them. Nor do messages by themselves.
        """
        nulls, bar = (await self.vectors()).astype(np.float64), self.bar

        def best(pages: Iterable[Parts]) -> Matrix:
            maxima = np.full(len(nulls), -1, np.float32)
            for parts in pages:
                telling = parts.vectors[(parts.small_talk < bar) & (parts.numbers != MESSAGE)]
                if len(telling):
                    maxima = np.maximum(maxima, _maxima(nulls, telling))
            return maxima

        return best


def _maxima(nulls: NDArray[np.float64], vectors: Matrix) -> Matrix:
    """Multiply in double precision, so that it does not matter which vectors are held together."""
    return np.asarray((nulls @ vectors.T.astype(np.float64)).max(axis=1), np.float32)


def likeness_bar(small_talk: Matrix) -> float:
    """Return the similarity from which something counts as small talk under this model.

    Nine in ten of the small-talk turns have a neighbour among the others that is at least so close.
    """
    similarities = small_talk @ small_talk.T
    np.fill_diagonal(similarities, -1.0)
    return max(float(np.quantile(similarities.max(axis=1), 0.1)), LOWEST_BAR)


def scatter(rows: Matrix) -> float:
    """Return the standard deviation of the similarities of different rows; no less than `LEAST_SCATTER`."""
    similarities = (rows @ rows.T)[np.triu_indices(len(rows), 1)]
    return max(float(similarities.std()), LEAST_SCATTER) if len(similarities) else LEAST_SCATTER


def read_rows(path: Path, count: int) -> Matrix | None:
    """Read `count` kept rows; None when they are not there, or are not what was kept."""
    try:
        rows = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    whole = rows.dtype == np.float32 and rows.shape[:1] == (count,) and bool(np.isfinite(rows).all())
    return rows if whole else None


def keep_rows(path: Path, rows: Matrix) -> None:
    """Keep rows for the next start; a folder that cannot be written costs time there, no more."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with partial.open("wb") as file:
            np.save(file, rows, allow_pickle=False)
        partial.replace(path)
    except OSError as error:
        LOG.info("The vectors of the null turns are not kept in %s: %s", path.parent, error)
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def same_model(kept: NDArray[np.float32], fresh: NDArray[np.float32]) -> bool:
    """Tell whether two vectors of one text are by one model; endpoints change theirs under the same name."""
    return kept.shape == fresh.shape and float(kept @ fresh) > SAME


def read_null_turns() -> tuple[list[str], list[str]]:
    """Read the null turns, in a fixed order: small talk, and all else that nothing here is about."""
    groups = json.loads(files(__package__).joinpath("null_turns.json").read_text("utf-8"))
    small_talk = _all_languages(groups.pop("small_talk"))
    return small_talk, [turn for group in groups.values() for turn in _all_languages(group)]


def _all_languages(group: dict[str, list[str]]) -> list[str]:
    return [turn for turns in group.values() for turn in turns]


def unit(rows: Rows) -> Matrix:
    """Scale each row to unit length; a row of zeros stays."""
    matrix = np.asarray(rows, np.float32)
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.asarray(matrix / np.maximum(lengths, 1e-12), np.float32)
