"""Reading of the log, from its end, without secrets."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from graph.observability.log_file import older_files
from graph.observability.logs import log_path
from graph.observability.redaction import Redaction, secrets_of
from graph.settings.settings import Settings

MOST_LINES = 1000
_BLOCK = 65_536
_LONGEST = 1_000_000
"""Bytes of a line; GOAT writes none that is longer."""
_LEVELS = logging.getLevelNamesMapping()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    at: str
    level: str
    logger: str
    message: str
    process: int = 0
    error: str = ""
    observation: Mapping[str, Any] = field(default_factory=dict)


def read_logs(
    settings: Settings,
    limit: int,
    level: str = "INFO",
    *,
    accept: Callable[[LogLine], bool] = lambda _: True,
) -> list[LogLine]:
    """Return the latest lines of at least `level`, newest last; blocks.

    Args:
        settings: the log's folder and the secrets to remove.
        limit: the most lines, up to `MOST_LINES`.
        level: DEBUG, INFO, WARNING, ERROR or CRITICAL.
        accept: a filter; it gets lines before secrets are removed.

    Raises:
        ValueError: the level is unknown.
    """
    least = _LEVELS.get(level.upper())
    if least is None:
        raise ValueError(f"no level {level!r}; write DEBUG, INFO, WARNING, ERROR or CRITICAL")
    redact, found = Redaction(secrets_of(settings)), list[LogLine]()
    for line in _backwards(log_path(settings), settings.log_files):
        if len(found) >= min(limit, MOST_LINES):
            break
        if _LEVELS.get(line.level, 0) >= least and accept(line):
            found.append(LogLine(**redact.within(asdict(line))))  # secrets may be newer than the line
    return found[::-1]


def _backwards(path: Path, older: int) -> Iterator[LogLine]:
    for file in (path, *older_files(path, older)):
        for raw in _lines_backwards(file):
            if (line := _parse(raw)) is not None:
                yield line


def _lines_backwards(path: Path) -> Iterator[bytes]:
    """Yield a file's lines, last first; a file that is rotated meanwhile is still read whole."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        place, rest = file.seek(0, 2), b""
        while place > 0:
            size = min(_BLOCK, place)
            place -= size
            file.seek(place)
            rest, *lines = (file.read(size) + rest).split(b"\n")
            yield from reversed(lines)
            rest = rest if len(rest) <= _LONGEST else b""
        yield rest


def _parse(raw: bytes) -> LogLine | None:
    """Parse a line; None for one that is incomplete or not GOAT's."""
    try:
        fields = json.loads(raw)
        datetime.fromisoformat(fields["at"])
        names = {name: str(fields[name]) for name in ("at", "level", "logger", "message")}
        process, observation = int(fields.get("process", 0)), fields.get("observation", {})
    except (ValueError, KeyError, TypeError):
        return None
    if not isinstance(observation, dict):
        return None
    return LogLine(**names, process=process, error=str(fields.get("error", "")), observation=observation)
