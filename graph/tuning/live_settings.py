"""Current thresholds and calibrations, reloaded when the configuration files change."""

import asyncio
import difflib
import logging
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from graph.settings.context import TABLES, Thresholds, TurnContext
from graph.settings.settings import Settings
from graph.settings.settings_loader import load_settings
from graph.settings.sources import CONFIG_FILE, ENV_FILE, user_file
from graph.tuning.config_backup import ConfigBackup
from memory.errors import ConfigError
from memory.recall.relevance import Calibration, read_calibration, suits

PATIENCE = 1.0
"""Seconds that a file may be missing or empty, as while an editor writes it."""
_FOLLOWED = {*Thresholds.model_fields, *TABLES}
logger = logging.getLogger(__name__)


Stamps = tuple[tuple[int, int, int] | None, ...]
"""Each file's modification time in nanoseconds, size and inode; None for a missing file."""


class WatchedFiles:
    """Files that are polled for changes."""

    def __init__(self, paths: Sequence[Path], clock: Callable[[], float]) -> None:
        self._paths, self._clock = tuple(paths), clock
        self._since: float | None = None

    def stamps(self) -> Stamps:
        return tuple(_stamp(path) for path in self._paths)

    def missing(self, then: Stamps, now: Stamps) -> list[Path]:
        """Return the files that had content then and have been missing or empty for less than `PATIENCE`."""
        gone = [
            path
            for path, before, after in zip(self._paths, then, now, strict=True)
            if before and before[1] and not (after and after[1])
        ]
        if not gone:
            self._since = None
            return []
        at = self._clock()
        self._since = at if self._since is None else self._since
        return [path for path in gone if max(at - self._since, _still_for(path)) <= PATIENCE]


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - a microsecond at each turn
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _still_for(path: Path) -> float:
    """Return the seconds since an empty file, or a missing file's folder, was last changed."""
    found = _stamp(path) or _stamp(path.parent)
    return time.time() - found[0] / 1e9 if found else 0.0


class LiveSettings:
    """Settings whose thresholds and calibrations follow the configuration files from turn to turn.

    All other settings keep their values from the start. An invalid file changes nothing: the last valid
    values stay, and the log says so once. Neither does a file that is missing or empty for a moment, unless
    `goat tune rollback` removed it.
    """

    def __init__(self, start: Settings, *, follow: bool, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the initial settings; without `follow`, as when they are given in code, they never change."""
        self._start, self._follow = start, follow
        self._config_file = CONFIG_FILE.absolute()
        self._files = WatchedFiles((user_file(), self._config_file, ENV_FILE.absolute()), clock)
        self._read: tuple[Stamps, Settings] | None = None
        self._warned = ""

    def current(self) -> Settings:
        """Return the current settings; blocks to read files that have changed."""
        if not self._follow:
            return self._start
        stamps = self._files.stamps()
        if self._read is None or (self._stable(self._read[0], stamps) and self._read[0] != stamps):
            self._read = (stamps, self._reload())
        return self._read[1]

    def latest(self) -> Settings:
        """Return the settings as they were last read, without looking at the files."""
        return self._read[1] if self._read else self._start

    async def context(self, owner: str = "") -> TurnContext:
        """Return the context of a turn that begins now."""
        return (await self.refresh()).turn_context(owner)

    async def find(self, name: str) -> Calibration | None:
        """Return a calibration from `goat.toml` or its backup; None when there is none."""
        found = (await self.refresh()).calibrations.get(name)
        if found is not None or not self._follow:
            return found
        return await asyncio.to_thread(lambda: ConfigBackup.here().calibration(name))

    async def require(self, name: str, embedding_model: str) -> Calibration:
        """Return a calibration by name.

        Raises:
            ConfigError: the name is unknown or for another model; lists those that fit.
        """
        found = await self.find(name)
        if found is not None and suits(found, embedding_model):
            return found
        there = (await self.refresh()).calibrations
        fitting = sorted(key for key, one in there.items() if suits(one, embedding_model))
        close = difflib.get_close_matches(name, fitting, n=1)
        why = f"is for {found.embedding_model}, not for {embedding_model}" if found else "is unknown"
        hint = f" Did you mean {close[0]}?" if close else ""
        raise ConfigError(
            f"The calibration {name!r} {why}.{hint} In {CONFIG_FILE} for {embedding_model}: "
            f"{', '.join(fitting) or 'none'}. Leave the name empty for the one that comes with the package."
        )

    async def calibration(self, embedding_model: str) -> Calibration:
        """Return the calibration for an embedding model: the configured one if it fits, else the default."""
        name = (await self.refresh()).gap_calibration
        named = await self.find(name) if name else None
        return named if named and suits(named, embedding_model) else read_calibration(embedding_model)

    async def refresh(self) -> Settings:
        """Return the current settings; changed files are read in a thread."""
        if self._follow and (self._read is None or self._read[0] != self._files.stamps()):
            return await asyncio.to_thread(self.current)
        return self.latest()

    def _stable(self, then: Stamps, now: Stamps) -> bool:
        """Return False while a file may be missing only for a moment."""
        missing = self._files.missing(then, now)
        return not missing or (missing == [self._config_file] and _is_unchanged())

    def _reload(self) -> Settings:
        last = self._read[1] if self._read else self._start
        try:
            read = load_settings()
        except ConfigError as error:
            logger.warning("The former tuned values stay in use until this is fixed: %s", error)
            return last
        if (warning := read.rule_warning()) and warning != self._warned:
            logger.warning("%s", warning)
        self._warned = warning
        return last.model_copy(update={name: getattr(read, name) for name in _FOLLOWED})


def _is_unchanged() -> bool:
    """Return True when `goat.toml` is as `goat tune` left it."""
    try:
        return ConfigBackup.here().is_unchanged()
    except ConfigError:
        return False
