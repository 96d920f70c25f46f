"""Large JSON files, read value by value in bounded memory."""

from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import ijson

from bot.importers.source import BadImportFile

BLOCK = 64 * 1024
START = 512
Event = tuple[str, str, Any]
"""Path of the value, such as `chats.list.item.name`; kind of event; the value."""


class JsonStream:
    """A stream of JSON that knows how much of it was read."""

    def __init__(self, path: Path, stream: IO[bytes]) -> None:
        self._path = path
        self._stream = stream
        self._start = stream.read(START).removeprefix(BOM_UTF8)
        self._read = len(self._start)

    @property
    def is_list(self) -> bool:
        """Return True if the whole is a list."""
        return self._start.lstrip()[:1] == b"["

    def read(self, size: int = -1) -> bytes:
        """Read a block, for the parser."""
        if size == 0:
            return b""
        block, self._start = self._start or self._stream.read(size), b""
        self._read += len(block)
        return block

    def events(self) -> Iterator[Event]:
        """Yield the events of the text.

        Raises:
            BadImportFile: it is no JSON, or breaks off; says near which byte.
        """
        with self._checked():
            yield from ijson.parse(self, use_float=True, buf_size=BLOCK)

    def items(self) -> Iterator[Any]:
        """Yield the values of a list; an object counts as a list of one. Raises as `events` does."""
        with self._checked():
            yield from ijson.items(self, "item" if self.is_list else "", use_float=True, buf_size=BLOCK)

    @contextmanager
    def _checked(self) -> Iterator[None]:
        try:
            yield
        except (ijson.JSONError, UnicodeDecodeError) as error:
            near = max(self._read - BLOCK, 0)
            said = str(error).split("\n", 1)[0]
            raise BadImportFile(
                f"{self._path}: between bytes {near:,} and {self._read:,}: expected JSON: {said}."
                " The file is cut off or damaged: download or export it again."
            ) from None
