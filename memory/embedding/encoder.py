"""The encoder of multilingual-e5-small, run by ONNX Runtime: importing this module imports that."""

import threading
from collections.abc import Sequence
from pathlib import Path
from weakref import WeakValueDictionary

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as onnxruntime_errors
from sentencepiece import SentencePieceProcessor

from memory.embedding.centring import Vector
from memory.embedding.model_cache import GRAPH, TOKENIZER, ensure_model

BEGIN, END = 0, 2
WINDOW = 510  # pieces between the begin and the end mark
MAX_CHARS = 32_768  # no piece is longer than 16 characters, nor made of more than 4 by normalisation
VERSION = "multilingual-e5-small-q8-2"
"""Version of the graph."""
_RAISED = [kind for kind in vars(onnxruntime_errors).values() if isinstance(kind, type)]
UNLOADABLE: tuple[type[Exception], ...] = (
    *(MemoryError, OSError, RuntimeError),
    *(kind for kind in _RAISED if issubclass(kind, Exception)),  # they have no common base class
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
        encodable = [_encodable(text) for text in texts]
        return list(map(len, self._pieces.encode(encodable, num_threads=1)))


def _encodable(text: str) -> str:
    """Replace characters that UTF-8 or a C string cannot hold; the length stays."""
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
            str(model / GRAPH),
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=["SkipLayerNormFusion"],  # the fused operator is three times slower
        )
        self.tokenizer = Tokenizer(model / TOKENIZER)

    def __call__(self, text: str) -> Vector:
        """Embed one text, prefix included; return a unit vector."""
        ids = np.array([self.tokenizer.ids(text)])
        (vectors,) = self._session.run(None, {"ids": ids})
        vector: Vector = vectors[0]
        return vector


_loaded: WeakValueDictionary[tuple[Path, int], Encoder] = WeakValueDictionary()
_loading = threading.Lock()


def load_encoder(folder: Path, *, threads: int) -> Encoder:
    """Load the model in `folder`, or return the instance already loaded in this process."""
    key = (folder.resolve(), threads)
    with _loading:
        encoder = _loaded.get(key)
        if encoder is None:
            encoder = _loaded[key] = Encoder(folder, threads=threads)
        return encoder
