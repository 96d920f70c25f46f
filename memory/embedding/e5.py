"""multilingual-e5-small on this machine's processor: 384 numbers a text, for about a hundred languages."""

import os
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from weakref import WeakValueDictionary

import numpy as np
import onnxruntime
from langchain_core.embeddings import Embeddings
from onnxruntime.capi import onnxruntime_pybind11_state as onnxruntime_errors
from sentencepiece import SentencePieceProcessor

from memory.embedding.cache import ensure_model
from memory.embedding.centring import Centring, Vector, read_centring
from memory.embedding.lanes import Lanes
from memory.embedding.parts import Span, split_offsets
from memory.errors import DataFolderError, TierUnavailable

BEGIN, END = 0, 2
WINDOW = 510  # pieces between the begin and the end mark
MAX_CHARS = 32_768  # no piece is longer than 16 characters, nor made of more than 4 by normalisation
TIER = "episodic"
VERSION = "multilingual-e5-small-q8-2"
"""The graph's."""
NAME = "multilingual-e5-small-q8-1-centred-1"
"""The vectors': those of graph 1 can be compared (cosine 0.995 with graph 2), and archives keep them."""
DIMENSION = 384
QUERY, PASSAGE = "query: ", "passage: "
PART = WINDOW - 30  # pieces; leaves room for the prefix, and for words that tokenise otherwise when cut
_RAISED = [kind for kind in vars(onnxruntime_errors).values() if isinstance(kind, type)]
UNLOADABLE: tuple[type[Exception], ...] = (
    *(MemoryError, OSError, RuntimeError),
    *(kind for kind in _RAISED if issubclass(kind, Exception)),  # they have no base class of their own
)


class Tokenizer:
    """The sentencepiece model at `path`, loaded; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._pieces = SentencePieceProcessor(model_file=str(path))

    def ids(self, text: str) -> list[int]:
        """Tokenise `text`, cut at the window; what lies beyond it is not tokenised."""
        words = _encodable(text).split(maxsplit=WINDOW)[:WINDOW]
        pieces = self._pieces.encode(" ".join(words)[:MAX_CHARS])
        return [BEGIN, *pieces[:WINDOW], END]

    def counts(self, texts: Sequence[str]) -> list[int]:
        """Count the pieces of each text by itself."""
        encodable = [_encodable(text) for text in texts]
        return list(map(len, self._pieces.encode(encodable, num_threads=1)))


def _encodable(text: str) -> str:
    """Replace what UTF-8 or a C string cannot hold; the length stays."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", " ")


class Encoder:
    """The loaded model; safe to use from several threads."""

    def __init__(self, folder: Path, *, threads: int) -> None:
        model = ensure_model(folder, VERSION)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            str(model.encoder),
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=["SkipLayerNormFusion"],  # the fused operator is three times slower
        )
        self.tokenizer = Tokenizer(model.tokenizer)

    def __call__(self, text: str) -> Vector:
        """Embed one text, prefix included; the vector has unit length."""
        ids = np.array([self.tokenizer.ids(text)])
        (vectors,) = self._session.run(None, {"ids": ids})
        vector: Vector = vectors[0]
        return vector


_loaded: WeakValueDictionary[tuple[Path, int], Encoder] = WeakValueDictionary()
_loading = threading.Lock()


def load_encoder(folder: Path, *, threads: int) -> Encoder:
    """Load the model kept in `folder`, or share it with whoever in this process has it loaded."""
    key = (folder.resolve(), threads)
    with _loading:
        encoder = _loaded.get(key)
        if encoder is None:
            encoder = _loaded[key] = Encoder(folder, threads=threads)
        return encoder


class E5Embeddings(Embeddings):
    """Embed with the model in a wheel: nothing is downloaded, and the same text always has the same vector.

    The vectors are centred: all of e5's point much the same way; see `Centring`.

    Args:
        folder: answers the folder to keep the model's files in; called when the model is first used.
        threads: processor threads for one text; no more than the machine has are used.
    """

    name = NAME
    dimension = DIMENSION
    remote = False

    def __init__(self, folder: Callable[[], Path], *, threads: int = 1) -> None:
        self._folder = folder
        self._threads = max(1, min(threads, os.cpu_count() or 1))
        self._lock = threading.Lock()
        self._encoder: Encoder | None = None
        self._lanes = Lanes()

    def embed_query(self, text: str) -> list[float]:
        """Embed what is searched for."""
        return self._centring.of_query(self._load()(QUERY + text))

    def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        """Embed what is searched through, in the order given."""
        return [self._embed_document(text) for text in texts]

    async def aembed_query(self, text: str) -> list[float]:
        """Embed what is searched for, in the lane of queries."""
        return await self._lanes.query(self.embed_query, text)

    async def aembed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        """Embed what is searched through, in the order given, in the lanes of documents."""
        return await self._lanes.documents(self._embed_document, texts)

    def split_offsets(self, text: str) -> list[Span]:
        """Cover `text` with overlapping half-open spans that each fit the model's window."""
        if len(text) <= PART and text.isascii():
            return [(0, len(text))]
        return split_offsets(text, capacity=PART, measure=self._load().tokenizer.counts)

    async def ready(self) -> None:
        """Load the model, building it when this is the first time on this machine."""
        await self._lanes.query(lambda _: self._load(), None)

    async def aclose(self) -> None:
        """Stop embedding, and let go of the model; what runs ends by itself."""
        self._lanes.close()
        self._encoder = None

    def _embed_document(self, text: str) -> list[float]:
        return self._centring.of_passage(self._load()(PASSAGE + text))

    @cached_property
    def _centring(self) -> Centring:
        return read_centring()

    def _load(self) -> Encoder:
        with self._lock:
            if self._encoder is None:
                self._encoder = self._loaded(self._folder())
            return self._encoder

    def _loaded(self, folder: Path) -> Encoder:
        try:
            return load_encoder(folder, threads=self._threads)
        except DataFolderError as error:
            raise TierUnavailable(TIER, str(error)) from error
        except UNLOADABLE as error:
            raise TierUnavailable(
                TIER, f"the embedding model in {folder} cannot be loaded ({error})"
            ) from error
