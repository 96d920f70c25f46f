"""The thresholds and calibrations as they stand at this moment, also in a program that runs for weeks."""

import asyncio
import difflib
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from graph.settings.context import Thresholds, TurnContext
from graph.settings.settings import Settings
from graph.settings.settings_loader import load_settings
from graph.settings.sources import CONFIG_FILE, ENV_FILE, user_file
from graph.settings.tuned_settings import TABLES
from graph.tuning.config_versions import ConfigVersions
from memory.errors import ConfigError
from memory.recall.relevance import Calibration, read_calibration, suits

PATIENCE = 1.0
"""Seconds that a file may be gone or empty, as while an editor writes it."""
_FOLLOWED = {*Thresholds.model_fields, *TABLES}
logger = logging.getLogger(__name__)


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


@dataclass(frozen=True, slots=True)
class _Read:
    """Settings, and which files they were read from."""

    stamps: Stamps
    settings: Settings


class LiveSettings:
    """Follow the configuration files: what tuning changes holds from the next turn on.

    All other settings stay as they were at the start. A file that is broken by an edit changes nothing: the
    last values that were accepted hold, and the log says so once. Nor does one that is gone or empty for a
    moment, unless `goat tune rollback` has taken it away.
    """

    def __init__(self, start: Settings, *, follow: bool, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the settings of the start; without `follow`, as when they are given in code, they stay."""
        self._start, self._follow = start, follow
        self._files = WatchedFiles((user_file(), CONFIG_FILE, ENV_FILE), clock)
        self._read: _Read | None = None
        self._warned = ""

    def current(self) -> Settings:
        """Return the settings of this moment; reads files when they have changed, so it may block."""
        if not self._follow:
            return self._start
        stamps = self._files.stamps()
        if self._read is None or (self._stand(self._read.stamps, stamps) and self._read.stamps != stamps):
            self._read = _Read(stamps, self._anew())
        return self._read.settings

    async def context(self, owner: str = "") -> TurnContext:
        """Return the context of a turn that begins now."""
        return (await self._current()).turn_context(owner)

    async def find(self, name: str) -> Calibration | None:
        """Return a calibration of `goat.toml`, also of its former versions; None when there is none."""
        found = (await self._current()).calibrations.get(name)
        if found is not None or not self._follow:
            return found
        return await asyncio.to_thread(_former, name)

    async def named(self, name: str, embedding_model: str) -> Calibration:
        """Return a calibration that somebody asks for by name.

        Raises:
            ConfigError: there is none of that name, or it cannot judge what that model finds; says which can.
        """
        found = await self.find(name)
        if found is not None and suits(found, embedding_model):
            return found
        there = (await self._current()).calibrations
        fitting = sorted(key for key, one in there.items() if suits(one, embedding_model))
        close = difflib.get_close_matches(name, fitting, n=1)
        why = f"is for {found.embedding_model}, not for {embedding_model}" if found else "is unknown"
        hint = f" Did you mean {close[0]}?" if close else ""
        raise ConfigError(
            f"The calibration {name!r} {why}.{hint} In {CONFIG_FILE} for {embedding_model}: "
            f"{', '.join(fitting) or 'none'}. Empty: the one that comes with the package."
        )

    async def calibration(self, embedding_model: str) -> Calibration:
        """Return what judges the finds of an embedding model: the configured calibration, if it can."""
        name = (await self._current()).gap_calibration
        named = await self.find(name) if name else None
        return named if named and suits(named, embedding_model) else read_calibration(embedding_model)

    async def _current(self) -> Settings:
        """Return the settings of this moment; files are looked at here, and read off the event loop."""
        if self._follow and (self._read is None or self._read.stamps != self._files.stamps()):
            return await asyncio.to_thread(self.current)
        return self.current()

    def _stand(self, then: Stamps, now: Stamps) -> bool:
        """Say whether the files are there to stay as they are."""
        vanished = self._files.vanished(then, now)
        return not vanished or (vanished == [CONFIG_FILE] and _as_written())

    def _anew(self) -> Settings:
        last = self._read.settings if self._read else self._start
        try:
            read = load_settings()
        except ConfigError as error:
            logger.warning("Tuned values stay as they were, until this is mended: %s", error)
            return last
        if (warning := read.rule_warning()) and warning != self._warned:
            logger.warning("%s", warning)
        self._warned = warning
        return last.model_copy(update={name: getattr(read, name) for name in _FOLLOWED})


def _as_written() -> bool:
    """Say whether `goat.toml` is as `goat tune` has left it."""
    try:
        return ConfigVersions.here().as_written()
    except ConfigError:
        return False


def _former(name: str) -> Calibration | None:
    return ConfigVersions.here().calibration(name)
