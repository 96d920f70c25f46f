"""A file to import, plain, in a ZIP or in a folder, and what its importer says about it."""

import fnmatch
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path, PurePosixPath
from typing import IO

from bot.importers.source import BadImportFile
from bot.importers.zip_members import open_member, open_zip
from memory.models import Episode

NOBODY = "-"
"""In place of a name: the owner is none of the people in the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedEpisode(Episode):
    """An episode of a file."""

    given_id: str = ""
    """The id in the exporting archive, and in imports by earlier versions."""
    attributed: bool = False
    """Its file says who said what: the owner's words are the owner's."""
    revisable: bool = False
    """A later file may have more of it, or an edited text: the latest replaces what was imported before."""


@dataclass(frozen=True, slots=True)
class ImportFile:
    """A file, whose memory it becomes, and how to read it."""

    path: Path
    owner: str
    me: str = ""
    """The owner's name in it; empty if it was not given."""
    zone: tzinfo = UTC
    """Zone of times that have none."""

    def streams(self, pattern: str) -> Iterator[IO[bytes]]:
        """Yield the file as a stream, or each member of its ZIP or folder whose name matches.

        Raises:
            BadImportFile: it cannot be read, or none matches.
        """
        for name in self.names(pattern):
            with self.opened(name) as stream:
                yield stream

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
