"""Members of a ZIP, read as streams: nothing is unpacked to the disk, and a bomb is refused."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bot.importers.source import BadImportFile

MOST_EXPANDED = 200
"""Bytes for each packed byte; texts reach 10, and what packs better is made to fill a disk."""
SMALL = 64 * 2**20
"""Bytes that a member may have anyway."""
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError)


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a ZIP for reading.

    Raises:
        BadImportFile: it cannot be read, here or in the block.
    """
    try:
        with zipfile.ZipFile(path) as opened:
            yield opened
    except _DAMAGED as error:
        raise BadImportFile(
            f"{path}: expected a ZIP that can be read: {error}. Download or export it again."
        ) from None
    except OSError as error:
        raise BadImportFile(f"{path}: expected a file that can be read: {error.strerror}") from None


@contextmanager
def open_member(opened: zipfile.ZipFile, name: str) -> Iterator[IO[bytes]]:
    """Open a member for reading.

    Raises:
        BadImportFile: there is none of this name, or it expands too much.
    """
    try:
        member = opened.getinfo(name)
    except KeyError:
        raise BadImportFile(f"{opened.filename}: expected {name} in it, found none") from None
    if member.file_size > max(SMALL, member.compress_size * MOST_EXPANDED):
        raise BadImportFile(
            f"{opened.filename}: {name}: expected at most {MOST_EXPANDED} times its packed size,"
            f" found {member.file_size:,} bytes of {member.compress_size:,}"
        )
    with opened.open(member) as stream:
        yield stream
