"""Members of a ZIP, read as streams: nothing is unpacked to the disk, and a bomb is refused."""

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from bot.importers.source import BadImportFile

MOST_EXPANDED = 200
"""Bytes for each packed byte; texts reach 10, and what packs better is made to fill a disk."""
SMALL = 64 * 2**20
"""Bytes that a member may have anyway."""
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError)


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a ZIP for reading.

    Raises:
        BadImportFile: it cannot be read.
    """
    with _checked(path):
        opened = zipfile.ZipFile(path)
    with opened:
        yield opened


@contextmanager
def open_member(opened: zipfile.ZipFile, name: str) -> Iterator[IO[bytes]]:
    """Open a member for reading.

    Raises:
        BadImportFile: there is none of this name, it expands too much, or it cannot be read, here or later.
    """
    path = Path(str(opened.filename))
    try:
        member = opened.getinfo(name)
    except KeyError:
        raise BadImportFile(f"{path}: expected {name} in it, found none") from None
    if member.file_size > max(SMALL, member.compress_size * MOST_EXPANDED):
        raise BadImportFile(
            f"{path}: {name}: expected at most {MOST_EXPANDED} times its packed size,"
            f" found {member.file_size:,} bytes of {member.compress_size:,}"
        )
    with _checked(path):
        stream = opened.open(member)
    with stream:
        yield io.BufferedReader(_Member(path, stream))


class _Member(io.RawIOBase):
    """A member that is being read; says what to do if it is damaged."""

    def __init__(self, path: Path, stream: IO[bytes]) -> None:
        self._path = path
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer)
        with _checked(self._path):
            block = self._stream.read(len(view))
        view[: len(block)] = block
        return len(block)


@contextmanager
def _checked(path: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        said = error.strerror if isinstance(error, OSError) else error
        raise BadImportFile(
            f"{path}: expected a ZIP that can be read: {said}. Download or export it again."
        ) from None
