"""The queue between loggers and the thread that writes the log."""

import logging
import queue
import threading
import time
from contextlib import suppress
from logging.handlers import QueueHandler

_LOOK_SECONDS = 0.1
_FLUSH_SECONDS, _FLUSH_LOOK_SECONDS = 5.0, 0.005
Lines = queue.Queue[logging.LogRecord | None]
"""Lines to be written; None ends the writer."""


class LineQueue(QueueHandler):
    """A handler that queues lines for the writer; when the queue is full it drops and counts them."""

    def __init__(self, lines: Lines) -> None:
        super().__init__(lines)
        self._lines, self._dropped = lines, 0

    def enqueue(self, record: logging.LogRecord) -> None:
        """Queue a line, preceded by one that counts the dropped lines, if any; the caller holds the lock."""
        try:
            if self._dropped:
                self._lines.put_nowait(self._warning())
                self._dropped = 0
            self._lines.put_nowait(record)
        except queue.Full:
            self._dropped += 1

    def flush(self) -> None:
        """Wait until all queued lines are written, up to a timeout: the disk may be full or gone."""
        until = time.monotonic() + _FLUSH_SECONDS
        while self._lines.unfinished_tasks and time.monotonic() < until:
            time.sleep(_FLUSH_LOOK_SECONDS)

    def take_warning(self) -> logging.LogRecord | None:
        """Return a line that counts those dropped since the last such line; None when none were."""
        self.acquire()
        try:
            warning = self._warning() if self._dropped else None
            self._dropped = 0
        finally:
            self.release()
        return warning

    def _warning(self) -> logging.LogRecord:
        text = "%d lines were dropped here: they came faster than the disk could write them"
        record = logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, (self._dropped,), None)
        line: logging.LogRecord = self.prepare(record)
        return line


class LineWriter(threading.Thread):
    """The thread that writes queued lines."""

    def __init__(self, lines: Lines, file: logging.Handler) -> None:
        super().__init__(name="goat-log", daemon=True)
        self._lines, self._file = lines, file

    def run(self) -> None:
        """Write lines until a None."""
        while (record := self._lines.get()) is not None:
            self._file.handle(record)
            self._lines.task_done()
        self._lines.task_done()

    def end(self) -> None:
        """Wait until all queued lines are written, then end the thread."""
        while self.is_alive():
            with suppress(queue.Full):
                self._lines.put(None, timeout=_LOOK_SECONDS)
                break
        self.join()
