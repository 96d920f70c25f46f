"""The log: JSON lines in `logs/goat.log` of the data folder, without secrets or the text of messages."""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from graph.observability.log_file import SharedLogFile
from graph.observability.log_queue import LineQueue, Lines, LineWriter
from graph.observability.redaction import Redaction, RedactionFilter, secrets_of
from graph.settings.settings import Settings
from memory.observation.observation import Observation
from memory.text.digest import digest
from memory.text.text import shortened

TURNS = "goat.turn"
"""The logger that writes one line for each turn."""
OURS = ("goat", "graph", "nodes", "memory", "bot")
"""Loggers written from INFO up; all others from WARNING up."""
MOST_CHARS = 20_000
"""Characters of one text in a line."""
_QUEUED = 10_000
_EXTRA = "observation"
_LEFT_OUT = ("owner", "decisions", "thresholds", "seen", "asked_at", "facts", "last_turn", "opening")
_turns = logging.getLogger(TURNS)


class JsonLines(logging.Formatter):
    """A formatter that writes a record as one line of JSON, without secrets."""

    def __init__(self, redact: Redaction) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "message": shortened(record.getMessage(), MOST_CHARS),
        }
        if record.exc_text:
            line["error"] = shortened(record.exc_text, MOST_CHARS)
        if (observation := getattr(record, _EXTRA, None)) is not None:
            line[_EXTRA] = self._redact.within(observation)
        return json.dumps(line, ensure_ascii=False, default=str)


class _Preformatted(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return str(record.msg)


class Logs:
    """The open log, written by a separate thread so that no turn waits for the disk.

    Until it is closed, other handlers of the root logger, such as the terminal's, show no secrets either.
    """

    def __init__(self, settings: Settings, *, queued: int = _QUEUED) -> None:
        """Start writing; queue at most `queued` lines.

        Raises:
            DataFolderError: the file cannot be opened.
        """
        redact = Redaction(secrets_of(settings))
        most = round(settings.log_megabytes * 1_000_000)
        self._file = SharedLogFile(log_path(settings), most_bytes=most, older=settings.log_files)
        self._file.setFormatter(_Preformatted())
        lines = Lines(queued)
        self._handler = LineQueue(lines)
        self._handler.setFormatter(JsonLines(redact))
        self._writer = LineWriter(lines, self._file)
        self._levels = {name: logging.getLogger(name).level for name in OURS}
        for name in OURS:
            logging.getLogger(name).setLevel(logging.INFO)
        logging.getLogger().addHandler(self._handler)
        self._filter, self._filtered = RedactionFilter(redact), list(logging.getLogger().handlers)
        for handler in self._filtered:
            handler.addFilter(self._filter)
        self._writer.start()

    def close(self) -> None:
        """Write queued lines and restore the logging configuration."""
        logging.getLogger().removeHandler(self._handler)
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)
        for handler in self._filtered:
            handler.removeFilter(self._filter)
        self._writer.end()
        if (warning := self._handler.take_warning()) is not None:
            self._file.handle(warning)
        self._handler.close()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def configure_logging(settings: Settings) -> Logs:
    """Write this process's log to the data folder until the result is closed.

    Raises:
        DataFolderError: the file cannot be opened.
    """
    return Logs(settings)


def log_path(settings: Settings) -> Path:
    """Return the path of the log file."""
    return settings.data_folder / "logs" / "goat.log"


def log_turn(observation: Observation, text: Mapping[str, str] | None = None) -> None:
    """Log one line for a turn: its figures, a digest of its owner, and its text only when given."""
    if not _turns.isEnabledFor(logging.INFO):
        return
    line = observation.without(*_LEFT_OUT)
    line["owner"] = digest(observation.owner)
    if text:
        line["text"] = {name: words[:MOST_CHARS] for name, words in text.items()}
    _turns.info("turn %s %s", observation.turn_id, observation.outcome.value, extra={_EXTRA: line})
