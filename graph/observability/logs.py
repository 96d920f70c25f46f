"""The log: JSON lines in `logs/goat.log` of the data folder, without secrets or the text of messages."""

import json
import logging
import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener
from pathlib import Path

from graph.observability.log_file import SharedLogFile
from graph.observability.redaction import Redaction, RedactionFilter, secrets_of
from graph.settings.settings import Settings
from memory.text.text import shortened

TURNS = "goat.turn"
"""The logger that writes one line for each turn."""
OURS = ("goat", "graph", "nodes", "memory", "bot")
"""Loggers written from INFO up; all others from WARNING up."""
MOST_CHARS = 20_000
"""Characters of one text in a line."""
_QUEUED = 10_000
_LOOK_SECONDS = 0.1
_FLUSH_SECONDS, _FLUSH_LOOK_SECONDS = 5.0, 0.005
OBSERVATION = "observation"
"""The attribute of a record with a turn's figures."""
Lines = queue.Queue[logging.LogRecord]


class JsonLines(logging.Formatter):
    """A formatter that writes a record as one line of JSON, without secrets."""

    def __init__(self, redact: Redaction) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "message": shortened(record.getMessage(), MOST_CHARS),
        }
        if record.exc_text:
            line["error"] = shortened(record.exc_text, MOST_CHARS)
        if (observation := getattr(record, OBSERVATION, None)) is not None:
            line[OBSERVATION] = self._redact.within(observation)
        return json.dumps(line, ensure_ascii=False, default=str)


class _Preformatted(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return str(record.msg)


class LineQueue(QueueHandler):
    """A handler that queues lines for the writer; when the queue is full it drops and counts them."""

    def __init__(self, lines: Lines) -> None:
        super().__init__(lines)
        self._lines, self._dropped = lines, 0

    def enqueue(self, record: logging.LogRecord) -> None:
        """Queue a line, preceded by one that counts the dropped lines, if any; the caller holds the lock."""
        try:
            for warning in self.dropped():
                self._lines.put_nowait(warning)
            self._dropped = 0
            self._lines.put_nowait(record)
        except queue.Full:
            self._dropped += 1

    def flush(self) -> None:
        """Wait until all queued lines are written, up to a timeout: the disk may be full or gone."""
        until = time.monotonic() + _FLUSH_SECONDS
        while self._lines.unfinished_tasks and time.monotonic() < until:
            time.sleep(_FLUSH_LOOK_SECONDS)

    def dropped(self) -> Iterator[logging.LogRecord]:
        """Yield a line that counts those dropped since the last such line, if any."""
        if self._dropped:
            text = "%d lines were dropped here: they came faster than the disk could write them"
            yield self.prepare(
                logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, (self._dropped,), None)
            )


class LineWriter(QueueListener):
    """The thread that writes queued lines."""

    def enqueue_sentinel(self) -> None:
        """Queue the end mark once there is room, unless the thread has failed."""
        while self._thread is not None and self._thread.is_alive():
            with suppress(queue.Full):
                self.queue.put_nowait(None)
                return
            time.sleep(_LOOK_SECONDS)


@contextmanager
def configure_logging(settings: Settings, *, queued: int = _QUEUED) -> Iterator[None]:
    """Write this process's log to the data folder during the block, in a separate thread.

    At most `queued` lines wait. Other handlers of the root logger, such as the terminal's, show no secrets
    during the block either.

    Raises:
        DataFolderError: the file cannot be opened.
    """
    redact, root = Redaction(secrets_of(settings)), logging.getLogger()
    most = round(settings.log_megabytes * 1_000_000)
    file = SharedLogFile(log_path(settings), most_bytes=most, older=settings.log_files)
    file.setFormatter(_Preformatted())
    lines = Lines(queued)
    handler, writer = LineQueue(lines), LineWriter(lines, file)
    handler.setFormatter(JsonLines(redact))
    writer.start()
    levels = {name: logging.getLogger(name).level for name in OURS}
    for name in OURS:
        logging.getLogger(name).setLevel(logging.INFO)
    root.addHandler(handler)
    redaction, filtered = RedactionFilter(redact), list(root.handlers)
    for one in filtered:
        one.addFilter(redaction)
    try:
        yield
    finally:
        root.removeHandler(handler)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        for one in filtered:
            one.removeFilter(redaction)
        writer.stop()
        for warning in handler.dropped():
            file.handle(warning)
        handler.close()
        file.close()


def log_path(settings: Settings) -> Path:
    return settings.data_folder / "logs" / "goat.log"
