"""A log that rotates, and that several processes write at once.

Each line is one `write` to a file opened for appending, which the kernel keeps whole. Only rotation takes a
lock: whoever finds the file full takes it without waiting, looks again, and renames; whoever does not get it
writes on. Before each line a process looks whether the file at the path is still its own, and follows when it
is not. A line that is written just then lands in the file that was renamed: none is lost.
`RotatingFileHandler` alone would rename under the others, who would go on in old files and delete others'.
"""

import itertools
import logging
import os
from pathlib import Path

from filelock import FileLock, Timeout

from memory.working.server_folder import folder_error


class SharedLogFile(logging.Handler):
    """Append records to `path`; older files are `path.1`, `path.2` and so on."""

    def __init__(self, path: Path, *, most_bytes: int, older: int) -> None:
        """Open the file, in a folder that only its user may enter.

        Raises:
            DataFolderError: it cannot be opened.
        """
        super().__init__()
        self._path, self._most, self._older = path, most_bytes, older
        self._lock_file = FileLock(f"{path}.lock", timeout=0, mode=0o600)
        self._complained = False
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = _opened(path)
        except OSError as error:
            raise folder_error(path.parent, error) from error

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; a disk that is full or gone is complained of once."""
        try:
            line = f"{self.format(record)}\n".encode("utf-8", "backslashreplace")
            self._follow()
            os.write(self._file, line)
            if os.fstat(self._file).st_size >= self._most:
                self._rotate()
        except (OSError, NotImplementedError):  # the latter: a file system without locks
            if not self._complained:
                self._complained = True
                self.handleError(record)

    def close(self) -> None:
        """Close the file."""
        self.acquire()
        try:
            file, self._file = self._file, -1
            if file >= 0:
                os.close(file)
        finally:
            self.release()
        super().close()

    def _follow(self) -> None:
        """Go on in the file at the path, when it is another one by now."""
        try:
            same = os.path.samestat(self._path.stat(), os.fstat(self._file))
        except FileNotFoundError:
            same = False
        if not same:
            self._reopen()

    def _reopen(self) -> None:
        old, self._file = self._file, _opened(self._path)
        os.close(old)

    def _rotate(self) -> None:
        try:
            with self._lock_file:
                if self._path.stat().st_size >= self._most:
                    self._shift()
        except (Timeout, FileNotFoundError):
            return
        self._reopen()

    def _shift(self) -> None:
        names = [self._path, *older_files(self._path, self._older)]
        for newer, older in reversed(list(itertools.pairwise(names))):
            if newer.exists():
                newer.replace(older)


def older_files(path: Path, count: int) -> list[Path]:
    """Return where the files before `path` stand, the latest first."""
    return [path.with_name(f"{path.name}.{number}") for number in range(1, count + 1)]


def _opened(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
