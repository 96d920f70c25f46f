"""Whether the configuration files have changed, and whether one that is gone is gone for good."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 1.0
"""Seconds that a file may be gone or empty, as while an editor writes it."""


@dataclass(frozen=True, slots=True)
class FileStamp:
    """What tells a file from what it was: when it was changed, how long it is, and which one it is."""

    modified: int
    """Nanoseconds."""
    size: int
    inode: int


Stamps = tuple[FileStamp | None, ...]
"""None stands for a file that is not there."""


class WatchedFiles:
    """Files that are looked at again and again, each time cheaply."""

    def __init__(self, paths: Sequence[Path], clock: Callable[[], float] = time.monotonic) -> None:
        self._paths, self._clock = tuple(paths), clock
        self._since: float | None = None

    def stamps(self) -> Stamps:
        """Look at the files."""
        return tuple(_stamp(path) for path in self._paths)

    def vanished(self, then: Stamps, now: Stamps) -> list[Path]:
        """Return the files that held something then, and are gone or empty now, but not for long."""
        gone = [
            path
            for path, before, after in zip(self._paths, then, now, strict=True)
            if before and before.size and not (after and after.size)
        ]
        if not gone:
            self._since = None
            return []
        at = self._clock()
        self._since = at if self._since is None else self._since
        return [path for path in gone if max(at - self._since, _still_for(path)) <= PATIENCE]


def _stamp(path: Path) -> FileStamp | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - a microsecond at each turn
    except OSError:
        return None
    return FileStamp(found.st_mtime_ns, found.st_size, found.st_ino)


def _still_for(path: Path) -> float:
    """Return for how many seconds an empty file, or the folder of one that is gone, was not changed."""
    found = _stamp(path) or _stamp(path.absolute().parent)
    return time.time() - found.modified / 1e9 if found else 0.0
