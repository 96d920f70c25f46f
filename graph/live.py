"""The thresholds and calibrations as they stand at this moment, also in a program that runs for weeks."""

import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from graph.context import Thresholds, TurnContext
from graph.settings import CONFIG_FILE, ENV_FILE, Settings, load_settings
from graph.tuned_settings import TABLES
from graph.tuning.versions import ConfigVersions
from memory.errors import ConfigError
from memory.relevance import Calibration, calibration_of, suits

_FOLLOWED = {*Thresholds.model_fields, *TABLES}
_Stamp = tuple[tuple[int, int, int] | None, ...]
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Read:
    """Settings, and which files they were read from."""

    stamp: _Stamp
    settings: Settings


class LiveSettings:
    """Follow `goat.toml` and `.env`: what tuning changes holds from the next turn on.

    All other settings stay as they were at the start. A file that is broken by an edit changes nothing: the
    last values that were accepted hold, and the log says so once.
    """

    def __init__(self, start: Callable[[], Settings], *, follow: bool) -> None:
        """Take the settings of the start; without `follow`, as when they are given in code, they stay."""
        self._start, self._follow = start, follow
        self._read: _Read | None = None

    def current(self) -> Settings:
        """Return the settings of this moment; reads files when they have changed, so it may block."""
        if not self._follow:
            return self._start()
        stamp = _stamp()
        if self._read is None or self._read.stamp != stamp:
            self._read = _Read(stamp, self._anew())
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

    async def calibration(self, embedding_model: str) -> Calibration:
        """Return what judges the finds of an embedding model: the configured calibration, if it can."""
        name = (await self._current()).gap_calibration
        named = await self.find(name) if name else None
        return named if named and suits(named, embedding_model) else calibration_of(embedding_model)

    async def _current(self) -> Settings:
        """Return the settings of this moment; files are looked at here, and read off the event loop."""
        if self._follow and (self._read is None or self._read.stamp != _stamp()):
            return await asyncio.to_thread(self.current)
        return self.current()

    def _anew(self) -> Settings:
        last = self._read.settings if self._read else self._start()
        try:
            read = load_settings()
        except ConfigError as error:
            logger.warning("Tuned values stay as they were, until this is mended: %s", error)
            return last
        return last.model_copy(update={name: getattr(read, name) for name in _FOLLOWED})


def _former(name: str) -> Calibration | None:
    return ConfigVersions.here().calibration(name)


def _stamp() -> _Stamp:
    """Tell a file from what it was: when it was changed, how long it is, and which one it is."""
    return tuple(_stamp_of(path) for path in (CONFIG_FILE, ENV_FILE))


def _stamp_of(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - a microsecond at each turn
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
