"""A file to import, plain, in a ZIP or in a folder; nothing is unpacked to disk, zip bombs are refused."""

import fnmatch
import io
import zipfile
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path, PurePosixPath
from typing import IO, Any

import ijson

from bot.importers.source import BadImportFile, Field
from memory.models import Episode

MOST_EXPANDED = 200
"""Maximum bytes for each packed byte: texts reach 10, zip bombs far more."""
SMALL = 64 * 2**20
"""Bytes that a member may have at any ratio."""
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
        BadImportFile: there is none of this name, it expands too much, or reading it fails in the block.
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


BLOCK = 64 * 1024
START = 512
DEEPEST = 200
"""Maximum depth of lists and objects; exports have about ten. The parser makes a path for each, as long as it
is deep: without a limit, 20 KB of brackets took 1 GB.
"""
_BEGINS, _ENDS = {"start_map", "start_array"}, {"end_map", "end_array"}
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
            yield from ijson.parse(self._tokens())

    def items(self) -> Iterator[Any]:
        """Yield the values of a list; an object counts as a list of one. Raises as `events` does."""
        with self._checked():
            yield from ijson.items(ijson.parse(self._tokens()), "item" if self.is_list else "")

    def _tokens(self) -> Iterator[tuple[str, Any]]:
        """Yield the events without paths, which are made one at a time after the check of the depth."""
        depth = 0
        for token in ijson.basic_parse(self, use_float=True, buf_size=BLOCK):
            depth += (token[0] in _BEGINS) - (token[0] in _ENDS)
            if depth > DEEPEST:
                raise BadImportFile(f"{self._path}: expected JSON, found one that is nested too deeply")
            yield token

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


NOBODY = "-"
"""Given as the owner's name: the owner is none of the people in the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedEpisode(Episode):
    given_id: str = ""
    """The id in the exporting archive, and in imports by earlier versions."""
    attributed: bool = False
    """The file names the speakers, so that the owner's words count as the owner's."""
    revisable: bool = False
    """A later file may extend or edit it, and then replaces what was imported before."""


@dataclass(frozen=True, slots=True)
class ImportFile:
    """A file, its future owner, and how to read it."""

    path: Path
    owner: str
    me: str = ""
    """The owner's name in it; empty if it was not given."""
    zone: tzinfo = UTC
    """Zone of times without a zone."""

    def streams(self, pattern: str) -> Iterator[IO[bytes]]:
        """Yield the file as a stream, or each member of its ZIP or folder whose name matches.

        Raises:
            BadImportFile: it cannot be read, or none matches.
        """
        for name in self.names(pattern):
            with self.opened(name) as stream:
                yield stream

    def values(self, pattern: str) -> Iterator[Field]:
        """Yield the values of the JSON lists in the matching members; an object counts as a list of one."""
        number = 0
        for stream in self.streams(pattern):
            for value in JsonStream(self.path, stream).items():
                yield Field(self.path, f"[{number}]", value)
                number += 1

    def names(self, pattern: str) -> list[str]:
        """List the matching members, sorted; `[""]` for a plain file.

        Hidden ones only if there are no others: a ZIP made on a Mac has `__MACOSX/._NAME` for each member.
        """
        if self.path.is_dir():
            found = [path.name for path in self.path.iterdir() if path.is_file()]
        elif zipfile.is_zipfile(self.path):
            with open_zip(self.path) as opened:
                found = opened.namelist()
        else:
            return [""]
        chosen = sorted(name for name in found if fnmatch.fnmatchcase(PurePosixPath(name).name, pattern))
        if not chosen:
            raise BadImportFile(f"{self.path}: expected {pattern} in it, found none")
        return [name for name in chosen if not PurePosixPath(name).name.startswith(".")] or chosen

    @contextmanager
    def opened(self, name: str = "") -> Iterator[IO[bytes]]:
        """Open the file, or a member."""
        if name and not self.path.is_dir():
            with open_zip(self.path) as packed, open_member(packed, name) as stream:
                yield stream
            return
        try:
            with (self.path / name if name else self.path).open("rb") as stream:
                yield stream
        except OSError as error:
            raise BadImportFile(f"{self.path}: expected a file that can be read: {error.strerror}") from None
