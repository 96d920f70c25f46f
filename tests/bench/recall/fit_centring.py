"""Fit of `centre.npy`: `python -m tests.bench.recall.fit_centring DATA...`, files or folders of LongMemEval.

The rows are the fields of `Centring`, as float32 (3, 384).
"""

import json
import random
import sys
import tempfile
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

import memory.embedding
from memory.embedding.centring import FILE, Vector
from memory.embedding.e5 import PASSAGE, QUERY
from memory.embedding.encoder import Encoder

EXCHANGES = 500
SHARE = 0.7  # of the mean; subtracting all of it would also remove differences between one archive's texts
SENTENCES = Path(__file__).parent / "same_in_two_languages.json"


def fit(exchanges: list[tuple[str, str]], sentences: list[tuple[str, str]], encode: Encoder) -> Vector:
    """Fit on messages with replies, and on sentences in English and Romanian."""
    chosen = random.Random(0).sample(exchanges, min(EXCHANGES, len(exchanges)))
    queries = _mean(encode(QUERY + message) for message, _ in chosen)
    messages = _mean(encode(PASSAGE + message) for message, _ in chosen)
    pairs = _mean(encode(f"{PASSAGE}{message}\n{reply}") for message, reply in chosen)
    return np.stack([queries * SHARE, (messages + pairs) / 2 * SHARE, _language(sentences, encode)]).astype(
        np.float32
    )


def _language(sentences: list[tuple[str, str]], encode: Encoder) -> Vector:
    prefixes = QUERY, PASSAGE
    english = _mean(encode(prefix + text) for prefix in prefixes for text, _ in sentences)
    romanian = _mean(encode(prefix + text) for prefix in prefixes for _, text in sentences)
    difference: Vector = romanian - english
    return np.asarray(difference / np.linalg.norm(difference), np.float32)


def read_exchanges(paths: Iterable[Path]) -> list[tuple[str, str]]:
    return sorted({exchange for path in _files(paths) for exchange in _exchanges(path)})


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        yield from sorted(path.glob("*.json")) if path.is_dir() else [path]


def _exchanges(path: Path) -> Iterator[tuple[str, str]]:
    for session in json.loads(path.read_text(encoding="utf-8"))["sessions"]:
        for message, reply in pairwise(session["messages"]):
            if message["role"] == "user" and reply["role"] == "assistant":
                yield message["content"], reply["content"]


def _mean(vectors: Iterable[Vector]) -> Vector:
    return np.asarray(np.mean(np.stack(list(vectors)), axis=0, dtype=np.float64), np.float32)


def main() -> None:
    exchanges = read_exchanges(map(Path, sys.argv[1:]))
    if not exchanges:
        sys.exit("usage: python -m tests.bench.recall.fit_centring DATA...")
    sentences = json.loads(SENTENCES.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        np.save(
            Path(memory.embedding.__path__[0]) / FILE,
            fit(exchanges, sentences, Encoder(Path(folder), threads=1)),
        )


if __name__ == "__main__":
    main()
