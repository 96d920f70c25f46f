"""Exact search over vectors alone, to compare embedding models and their windows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from bot.lab.bench.neutral import Bench, BenchArchive, BenchQuery, as_episodes, seeded_random
from memory.embedding.centring import Centring
from memory.embedding.e5 import DIMENSION, E5Embeddings
from memory.embedding.embedding_model import EmbeddingModel, Span, split_offsets
from memory.embedding.encoder import VERSION

LATE = 2500
"""Characters of a turn after which a sentence counts as late: beyond a model's window."""
SENTENCE = (50, 200)
"""Minimum and maximum length of a quoted sentence in characters."""

Windows = Callable[[str], Sequence[Span]]
Matrix = NDArray[np.float32]


class PlainE5(E5Embeddings):
    """The built-in model without centring."""

    name = f"{VERSION}-plain"

    @cached_property
    def _centring(self) -> Centring:
        nothing = np.zeros(DIMENSION, np.float32)
        return Centring(query=nothing, passage=nothing, language=nothing)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRanks:
    """Ranks of all questions' answers, with the number of vectors and documents."""

    places: Sequence[int]
    """Rank of the first document that answers each question, from 1."""
    conversations: Sequence[str]
    """Unit of resampling for each question."""
    vectors: int
    docs: int

    def among(self, first: int) -> list[float]:
        """Return 1 for each question with its answer among the first ones, else 0."""
        return [float(place <= first) for place in self.places]


async def rank_answers(model: EmbeddingModel, bench: Bench, windows: Windows | None = None) -> AnswerRanks:
    """Rank each archive's documents for its questions, by the best cosine of a document's windows."""
    places, conversations, vectors, docs = list[int](), list[str](), 0, 0
    for archive in bench.archives:
        texts = [episode.text for episode in as_episodes(archive, archive.id)]
        parts = [_cut(text, windows or model.split_offsets) for text in texts]
        embedded = np.asarray(await model.aembed_documents(list(chain.from_iterable(parts))), np.float32)
        owners = np.repeat(np.arange(len(texts)), [len(some) for some in parts])
        for query in archive.queries:
            if gold := [number for number, doc in enumerate(archive.docs) if query.answered_by(doc)]:
                places.append(await _rank(model, query, gold, embedded, owners))
                conversations.append(archive.id)
        vectors, docs = vectors + len(embedded), docs + len(texts)
    return AnswerRanks(places=places, conversations=conversations, vectors=vectors, docs=docs)


async def _rank(
    model: EmbeddingModel, query: BenchQuery, gold: list[int], embedded: Matrix, owners: NDArray[np.int64]
) -> int:
    cosines = embedded @ np.asarray(await model.aembed_query(query.text), np.float32)
    best = np.full(int(owners[-1]) + 1, -1.0, np.float32)
    np.maximum.at(best, owners, cosines)
    return int((best > best[gold].max()).sum()) + 1


def first_window(model: EmbeddingModel) -> Windows:
    """Return windows that cover only a document's beginning, as much as the model reads."""
    return lambda text: model.split_offsets(text)[:1]


def windows_of(characters: int) -> Windows:
    """Return overlapping windows of at most this many characters."""
    return lambda text: split_offsets(
        text, capacity=characters, measure=lambda words: [len(word) for word in words]
    )


def late_sentences(bench: Bench, *, most: int) -> Bench:
    """Return the benchmark with other queries: sentences quoted from the late part of long turns.

    Known-item search: each query should find the turn it is quoted from. At most `most` queries per archive,
    each from another turn.
    """
    archives = tuple(
        archive.model_copy(update={"queries": tuple(_late(archive, most))}) for archive in bench.archives
    )
    return bench.model_copy(update={"archives": archives})


def _late(archive: BenchArchive, most: int) -> Iterator[BenchQuery]:
    chance = seeded_random(f"late {archive.id}")
    told = [(doc, found) for doc in archive.docs if (found := _sentences(doc.text))]
    for doc, found in chance.sample(told, min(most, len(told))):
        yield BenchQuery(id=doc.id, text=chance.choice(found), gold=(doc.id,))


def _sentences(text: str) -> list[str]:
    late = text[LATE:]
    pieces = [piece.strip() for piece in late.replace("\n", ". ").split(". ")[1:]]
    return [piece for piece in pieces if SENTENCE[0] <= len(piece) <= SENTENCE[1]]


def _cut(text: str, windows: Windows) -> list[str]:
    return [text[start:end] for start, end in windows(text)]
