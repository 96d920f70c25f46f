"""An archive's similarity noise floor, estimated from null turns that nothing in it is about."""

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

from memory.concurrency.tasks import Background, wait_result
from memory.embedding.embedding_model import EmbeddingModel
from memory.episodic.vectors.kept_vectors import MESSAGE, Parts

LOG = logging.getLogger(__name__)
Matrix = NDArray[np.float32]
Rows = list[list[float]]
LEAST_SCATTER = 0.01
SAME_MODEL = 0.999  # least cosine similarity of two vectors of one text by one model
LEAST_THRESHOLD = 0.3  # for models with little similarity between small-talk turns


class NullTurns:
    """Vectors of the fixed null turns (small talk, then foreign topics), embedded on first use.

    Args:
        embeddings: the model.
        background: runs the embedding, which goes on when a caller is cancelled.
        folder: where to keep the vectors for the next start; None embeds them at each start.
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
        """Similarity from which a text counts as small talk."""
        self.scale = 1.0
        """Standard deviation of the similarities of unrelated texts under this model."""
        self._mean = np.empty(0, np.float32)
        self._name = ""

    async def name(self) -> str:
        """Return an id of this list under this model."""
        await self.vectors()
        return self._name

    async def vectors(self) -> Matrix:
        """Return one unit vector per null turn.

        Concurrent callers share the work, which continues when they are cancelled.
        """
        if self._vectors is None:
            return await wait_result(self._background.joined(self, self._load))
        return self._vectors

    async def average(self) -> Matrix:
        """Return the mean vector of the null turns."""
        await self.vectors()
        return self._mean

    async def _load(self) -> Matrix:
        small_talk, foreign = await asyncio.to_thread(read_null_turns)
        turns = small_talk + foreign
        digest = hashlib.sha256(json.dumps(turns).encode()).hexdigest()
        self._name = f"{digest[:12]}/{self._embeddings.name}"
        rows = await self._read_or_embed(turns)
        self._small_talk = len(small_talk)
        self.bar = small_talk_threshold(rows[: self._small_talk])
        self.scale = scatter(rows)
        self._mean = rows.mean(axis=0)
        self._vectors = rows
        return rows

    async def _read_or_embed(self, turns: list[str]) -> Matrix:
        if self._folder is None:
            return normalize(await self._queries(turns))
        kept = self._folder / f"null-turns-{hashlib.sha256(self._name.encode()).hexdigest()[:24]}.npy"
        rows = await asyncio.to_thread(read_rows, kept, len(turns))
        if rows is not None and same_model(rows[0], normalize(await self._queries(turns[:1]))[0]):
            return rows
        rows = normalize(await self._queries(turns))
        await asyncio.to_thread(save_rows, kept, rows)
        return rows

    async def _queries(self, turns: list[str]) -> Rows:
        if self._embeddings.remote:
            return await self._embeddings.aembed_documents(turns)
        return [await self._embeddings.aembed_query(turn) for turn in turns]

    async def small_talk(self, vectors: Rows) -> list[float]:
        """Return, for each vector, its highest cosine similarity with a small-talk null turn."""
        nulls = (await self.vectors())[: self._small_talk]
        return [float(best) for best in (normalize(vectors) @ nulls.T).max(axis=1)] if vectors else []

    async def measure(self) -> Callable[[Iterable[Parts]], Matrix]:
        """Return a function that gives each null turn's highest similarity with many parts; -1 for none.

        Small-talk parts do not count: otherwise the archive's thanks and greetings would match the null
        turns' own, and no candidate could exceed them. Neither do parts with the message alone.
        """
        nulls, bar = (await self.vectors()).astype(np.float64), self.bar

        def best(pages: Iterable[Parts]) -> Matrix:
            maxima = np.full(len(nulls), -1, np.float32)
            for parts in pages:
                telling = parts.vectors[(parts.small_talk < bar) & (parts.numbers != MESSAGE)]
                if len(telling):
                    # In double precision, so that batching does not change the result.
                    found = (nulls @ telling.T).max(axis=1).astype(np.float32)
                    maxima = np.maximum(maxima, found)
            return maxima

        return best


def small_talk_threshold(small_talk: Matrix) -> float:
    """Return the similarity above which a text counts as small talk under this model.

    It is the similarity that nine in ten small-talk turns reach with their nearest neighbour among the
    others.
    """
    similarities = small_talk @ small_talk.T
    np.fill_diagonal(similarities, -1.0)
    return max(float(np.quantile(similarities.max(axis=1), 0.1)), LEAST_THRESHOLD)


def scatter(rows: Matrix) -> float:
    """Return the standard deviation of the rows' pairwise similarities, at least `LEAST_SCATTER`."""
    similarities = (rows @ rows.T)[np.triu_indices(len(rows), 1)]
    return max(float(similarities.std()), LEAST_SCATTER) if len(similarities) else LEAST_SCATTER


def read_rows(path: Path, count: int) -> Matrix | None:
    """Read `count` cached rows; None when the file is missing or invalid."""
    try:
        rows = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    whole = rows.dtype == np.float32 and rows.shape[:1] == (count,) and bool(np.isfinite(rows).all())
    return rows if whole else None


def save_rows(path: Path, rows: Matrix) -> None:
    """Write rows to the cache; a failure is logged, because it costs only time at the next start."""
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
    """Return whether one model made both vectors: an endpoint may change its model under the same name."""
    return kept.shape == fresh.shape and float(kept @ fresh) > SAME_MODEL


def read_null_turns() -> tuple[list[str], list[str]]:
    """Read the null turns in a fixed order: small talk, and turns on foreign topics."""
    groups = json.loads(files(__package__).joinpath("null_turns.json").read_text("utf-8"))
    small_talk = _all_languages(groups.pop("small_talk"))
    return small_talk, [turn for group in groups.values() for turn in _all_languages(group)]


def _all_languages(group: dict[str, list[str]]) -> list[str]:
    return [turn for turns in group.values() for turn in turns]


def normalize(rows: Rows) -> Matrix:
    """Scale each row to unit length; leave rows of zeros."""
    matrix = np.asarray(rows, np.float32)
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.asarray(matrix / np.maximum(lengths, 1e-12), np.float32)
