"""What stands between those who log and the thread that writes."""

import logging
import queue
import threading
import time
from contextlib import suppress
from logging.handlers import QueueHandler

_LOOK_SECONDS = 0.1
_FLUSH_SECONDS, _FLUSH_LOOK_SECONDS = 5.0, 0.005
Lines = queue.Queue[logging.LogRecord | None]
"""Lines that wait to be written; None ends the writer."""


class LineQueue(QueueHandler):
    """Hand lines to the thread that writes; when it cannot keep up, drop and count them rather than wait."""

    def __init__(self, lines: Lines) -> None:
        super().__init__(lines)
        self._lines, self._dropped = lines, 0

    def enqueue(self, record: logging.LogRecord) -> None:
        """Add a line, and before it, when some were dropped, one that says so; the caller holds the lock."""
        try:
            if self._dropped:
                self._lines.put_nowait(self._complaint())
                self._dropped = 0
            self._lines.put_nowait(record)
        except queue.Full:
            self._dropped += 1

    def flush(self) -> None:
        """Wait until what was logged so far is written, not for long: the disk may be full or gone."""
        until = time.monotonic() + _FLUSH_SECONDS
        while self._lines.unfinished_tasks and time.monotonic() < until:
            time.sleep(_FLUSH_LOOK_SECONDS)

    def untold(self) -> logging.LogRecord | None:
        """Return a line about those that were dropped since the last such line; None when none were."""
        self.acquire()
        try:
            told = self._complaint() if self._dropped else None
            self._dropped = 0
        finally:
            self.release()
        return told

    def _complaint(self) -> logging.LogRecord:
        said = "%d lines were dropped here: they came faster than the disk takes them"
        record = logging.LogRecord(__name__, logging.WARNING, __file__, 0, said, (self._dropped,), None)
        line: logging.LogRecord = self.prepare(record)
        return line


class LineWriter(threading.Thread):
    """Write what waits, one line after the other, until ended."""

    def __init__(self, lines: Lines, file: logging.Handler) -> None:
        super().__init__(name="goat-log", daemon=True)
        self._lines, self._file = lines, file

    def run(self) -> None:
        """Write until there is a None."""
        while (record := self._lines.get()) is not None:
            self._file.handle(record)
            self._lines.task_done()
        self._lines.task_done()

    def end(self) -> None:
        """Wait until what stands in the queue is written, however full it is."""
        while self.is_alive():
            with suppress(queue.Full):
                self._lines.put(None, timeout=_LOOK_SECONDS)
                break
        self.join()
