"""A rotating log file that several processes append to.

Each line is one `write` to a file opened for appending, which the kernel keeps whole. Only rotation takes a
lock, without waiting: a process that gets it checks the size again and renames; the others go on writing.
Before each line a process reopens the path if another one has rotated the file. A line written during a
rotation goes to the renamed file, so none is lost. With `RotatingFileHandler` the other processes would go on
writing to renamed files and delete each other's.
"""

import itertools
import logging
import os
import sys
from io import TextIOWrapper
from logging.handlers import WatchedFileHandler
from pathlib import Path

from filelock import FileLock, Timeout

from memory.working.server_folder import folder_error


class SharedLogFile(WatchedFileHandler):
    """A handler that appends records to `path`; older files are `path.1`, `path.2` and so on."""

    def __init__(self, path: Path, *, most_bytes: int, older: int) -> None:
        """Open the file, in a folder that only its user may enter.

        Raises:
            DataFolderError: it cannot be opened.
        """
        self._path, self._most, self._older = path, most_bytes, older
        self._lock_file = FileLock(f"{path}.lock", timeout=0, mode=0o600)
        self._reported = False
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            super().__init__(path)
        except OSError as error:
            raise folder_error(path.parent, error) from error

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; report a disk that is full or gone once."""
        try:
            line = f"{self.format(record)}\n".encode("utf-8", "backslashreplace")
            self.reopenIfNeeded()
            if self.stream is None:  # an earlier attempt to reopen it failed
                self.stream = self._open()
                self._statstream()
            file = self.stream.fileno()
            os.write(file, line)
            if os.fstat(file).st_size >= self._most:
                self._rotate()
        except (OSError, NotImplementedError) as error:  # NotImplementedError: a file system without locks
            if not self._reported:
                self._reported = True
                sys.stderr.write(f"The log {self._path} cannot be written: {error}. Events are missing.\n")

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding="utf-8", opener=_open_private)

    def _rotate(self) -> None:
        try:
            with self._lock_file:
                if self._path.stat().st_size >= self._most:
                    self._shift()
        except (Timeout, FileNotFoundError):
            return
        self.reopenIfNeeded()

    def _shift(self) -> None:
        names = [self._path, *older_files(self._path, self._older)]
        for newer, older in reversed(list(itertools.pairwise(names))):
            if newer.exists():
                newer.replace(older)


def older_files(path: Path, count: int) -> list[Path]:
    """Return the paths of the rotated files, newest first."""
    return [path.with_name(f"{path.name}.{number}") for number in range(1, count + 1)]


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
