"""Taking off what all vectors of e5 share, and what tells one language from another."""

from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
FILE = "centre.npy"


@dataclass(frozen=True, slots=True)
class Centring:
    """What `fit_centring` found.

    Attributes:
        query: what queries share.
        passage: what passages share.
        language: the direction, of unit length, from English to Romanian; without it a question finds its
            answer in the other language before an unrelated text in its own.
    """

    query: Vector
    passage: Vector
    language: Vector

    def of_query(self, vector: Vector) -> list[float]:
        """Centre a query's vector; the result has unit length."""
        return self._without(vector - self.query)

    def of_passage(self, vector: Vector) -> list[float]:
        """Centre a passage's vector; the result has unit length."""
        return self._without(vector - self.passage)

    def _without(self, vector: Vector) -> list[float]:
        rest = vector - (vector @ self.language) * self.language
        unit: list[float] = (rest / np.linalg.norm(rest)).tolist()
        return unit


def read_centring() -> Centring:
    """Read what comes with the package."""
    with files(__package__).joinpath(FILE).open("rb") as file:
        return Centring(*np.load(file))
