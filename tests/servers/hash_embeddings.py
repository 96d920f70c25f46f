"""A deterministic embedding model: words are hashed into a vector, so that shared words mean similarity."""

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np


class HashEmbeddings:
    remote = False

    def __init__(self, name: str = "hash-1", dimension: int = 128, part: int = 200) -> None:
        self.name = name
        self.dimension = dimension
        self._part = part
        self.embedded = 0

    def split_offsets(self, text: str) -> list[tuple[int, int]]:
        step = self._part * 3 // 4
        return [(start, min(start + self._part, len(text))) for start in range(0, max(len(text), 1), step)]

    async def ready(self) -> None:
        pass

    async def aclose(self) -> None:
        pass

    async def aembed_query(self, text: str) -> list[float]:
        return self._embed(text)

    async def aembed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        self.embedded += len(texts)
        return [self._embed(text) for text in texts]

    def _embed(self, text: str) -> list[float]:
        return list(_hashed(text, self.dimension))


@lru_cache(maxsize=4096)
def _hashed(text: str, dimension: int) -> tuple[float, ...]:
    """Return the vector; those of the null turns, which every new archive embeds, are cached."""
    vector = np.full(dimension, 1e-3)
    for word in re.findall(r"\w+", text.lower()):
        digest = hashlib.sha256(word.encode("utf-8", "replace")).digest()
        vector[int.from_bytes(digest[:4], "big") % dimension] += 1.0
        vector[int.from_bytes(digest[4:8], "big") % dimension] -= 0.5
    return tuple((vector / np.linalg.norm(vector)).tolist())
