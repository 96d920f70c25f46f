"""Centring of e5 vectors: removal of the common component and of the language direction."""

from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
FILE = "centre.npy"


@dataclass(frozen=True, slots=True)
class Centring:
    """Components to subtract, fitted by `tests.bench.recall.fit_centring`.

    Attributes:
        query: component common to queries.
        passage: component common to passages.
        language: unit vector from English to Romanian. Without its removal, an unrelated text in the
            question's language can rank above the answer in the other language.
    """

    query: Vector
    passage: Vector
    language: Vector

    def of_query(self, vector: Vector) -> list[float]:
        """Centre a query's vector, and scale it to unit length."""
        return self._remove_language(vector - self.query)

    def of_passage(self, vector: Vector) -> list[float]:
        """Centre a passage's vector, and scale it to unit length."""
        return self._remove_language(vector - self.passage)

    def _remove_language(self, vector: Vector) -> list[float]:
        rest = vector - (vector @ self.language) * self.language
        unit: list[float] = (rest / np.linalg.norm(rest)).tolist()
        return unit


def read_centring() -> Centring:
    with files(__package__).joinpath(FILE).open("rb") as file:
        return Centring(*np.load(file))
