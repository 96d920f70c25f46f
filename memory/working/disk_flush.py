"""Flushes the embedded server's append-only file to disk every second."""

import logging
import os
import threading
from contextlib import suppress
from pathlib import Path

AOF_FOLDER = "redis.aof"
_FLUSH_SECONDS = 1.0
"""Seconds of writes that a power cut can lose; also the interval of the server's own `everysec`."""

logger = logging.getLogger(__name__)


class DiskFlush:
    """A daemon thread that calls `fsync`, in place of the server's `appendfsync everysec`.

    With `everysec` the server answers without writing while an earlier flush takes long, so that killing it
    loses acknowledged commands of up to 2 s. With `no` it writes before it answers.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / AOF_FOLDER
        self._ended = threading.Event()
        self._flushed: dict[Path, int] = {}
        threading.Thread(target=self._live, name="goat-disk-flush", daemon=True).start()

    def end(self) -> None:
        self._ended.set()

    def _live(self) -> None:
        while not self._ended.wait(_FLUSH_SECONDS):
            try:
                self._flush()
            except OSError as error:
                logger.warning("Could not flush %s to disk: %s", self._folder, error.strerror)

    def _flush(self) -> None:
        """Flush the files that have grown since they were last flushed."""
        flushed: dict[Path, int] = {}
        for path in self._folder.glob("*.incr.aof"):
            with suppress(FileNotFoundError), path.open("rb") as file:  # a rewrite deletes the last one
                flushed[path] = os.fstat(file.fileno()).st_size
                if flushed[path] != self._flushed.get(path):
                    os.fsync(file.fileno())
        self._flushed = flushed
