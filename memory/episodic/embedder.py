"""Slices of a backlog with their vectors: the next ones are embedded while one is written."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Mapping

from memory.deadline import forget
from memory.embedding.model import EmbeddingModel
from memory.episodic.backlog import Backlog, Slice
from memory.episodic.kept_vectors import KeptPart, rounded
from memory.episodic.ledger import VectorLedger
from memory.episodic.noise import NullTurns
from memory.episodic.vectors import Chunk

AHEAD = 1
"""Slices embedded beyond the one that is written next, so that no thread waits between two."""

Embedded = list[tuple[Chunk, KeptPart]]


class Embedder:
    """Embed the parts of an owner's backlog whose vectors are not kept beside the log."""

    def __init__(self, ledger: VectorLedger, embeddings: EmbeddingModel, nulls: NullTurns) -> None:
        self._ledger = ledger
        self._embeddings = embeddings
        self._nulls = nulls

    async def slices(self, owner: str, backlog: Backlog) -> AsyncGenerator[tuple[Slice, Embedded], None]:
        """Yield every slice with its parts' vectors, in order."""
        begun = deque[tuple[Slice, asyncio.Task[Embedded]]]()
        try:
            while True:
                while len(begun) <= AHEAD and (some := await backlog.next()) is not None:
                    begun.append((some, asyncio.create_task(self._embedded(owner, some))))
                if not begun:
                    return
                embedded = await begun[0][1]
                yield begun.popleft()[0], embedded
        finally:
            for _, task in begun:
                task.cancel()
                task.add_done_callback(forget)

    async def _embedded(self, owner: str, some: Slice) -> Embedded:
        kept = await self._ledger.kept(owner, {part.turn_id for part, _ in some.pairs})
        missing = [(part, text) for part, text in some.pairs if not _is_kept(part, kept)]
        texts = [text for _, text in missing]
        vectors = await self._embeddings.aembed_documents(texts) if texts else []
        likeness = await self._nulls.small_talk(vectors)
        for (part, _), vector, like in zip(missing, vectors, likeness, strict=True):
            made = KeptPart(part.number, part.start, part.end, like, rounded(vector))
            kept[part.turn_id, part.number] = made
        return [(part, kept[part.turn_id, part.number]) for part, _ in some.pairs]


def _is_kept(part: Chunk, kept: Mapping[tuple[str, int], KeptPart]) -> bool:
    found = kept.get((part.turn_id, part.number))
    return found is not None and (found.first, found.last) == (part.start, part.end)
