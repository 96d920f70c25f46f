"""Token ids of a text, as multilingual-e5-small wants them."""

from collections.abc import Sequence
from pathlib import Path

from sentencepiece import SentencePieceProcessor

BEGIN, END = 0, 2
WINDOW = 510  # pieces between the begin and the end mark
MAX_CHARS = 32_768  # no piece is longer than 16 characters, nor made of more than 4 by normalisation


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
