"""`goat.toml` and its one backup: the file from before the last change by `goat tune`."""

import contextlib
import hashlib
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from graph.settings.settings_files import explain_os_errors, replace_file
from graph.settings.sources import CONFIG_FILE
from memory.errors import ConfigError
from memory.recall.relevance import Calibration

_LOCK_SECONDS = 10


class _Record(BaseModel):
    """SHA-256 of the backup, and of the file that replaced it; None for no file."""

    model_config = ConfigDict(frozen=True)

    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class ConfigBackup:
    """`goat.toml` and its backup; hold the lock to replace the file."""

    path: Path

    @classmethod
    def here(cls) -> Self:
        """Return the backup of the working directory's file, with links resolved."""
        return cls(Path(os.path.realpath(CONFIG_FILE)))

    @property
    def folder(self) -> Path:
        """The backup's folder: the content in `backup.toml`, its record in `backup.json`."""
        return self.path.with_name(f"{self.path.name}.kept")

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock against other commands that replace the file.

        Raises:
            ConfigError: another command holds it, or the folder cannot be written.
        """
        with explain_os_errors(self.path):
            self.folder.mkdir(mode=0o700, exist_ok=True)
            lock = FileLock(self.folder / "lock", mode=0o600, timeout=_LOCK_SECONDS)
            try:
                with lock:
                    yield
            except Timeout:
                raise ConfigError(f"Another command is changing {self.path}. Try again later.") from None

    def read(self) -> bytes | None:
        """Return the file's content; None without a file."""
        return _read(self.path)

    def is_unchanged(self) -> bool:
        """Return True when the file is unchanged since `goat tune` last wrote or removed it.

        Raises:
            ConfigError: the backup's record is damaged.
        """
        stored = self._stored()
        return stored is not None and stored[1].after == _digest(self.read())

    def former(self) -> bytes | None:
        """Return the backup's content; None: there was no file.

        Raises:
            ConfigError: there is no backup, or it has changed since it was stored.
        """
        stored = self._stored()
        if stored is None:
            raise ConfigError("There is nothing to return to: `goat tune apply` has changed nothing here.")
        path, record = stored
        content = _read(path) if record.before else None
        if _digest(content) != record.before:
            raise _damaged(path)
        return content

    def replace(self, content: bytes | None) -> None:
        """Back the file up, and replace it with `content`, atomically; None removes it."""
        now = self.read()
        record = _Record(before=_digest(now), after=_digest(content))
        with explain_os_errors(self.path):
            replace_file(self.folder / "backup.toml", now)
            replace_file(self.folder / "backup.json", record.model_dump_json().encode())
            replace_file(self.path, content)

    def calibration(self, name: str) -> Calibration | None:
        """Return a calibration from the backup, or from those of earlier versions; None without one."""
        for path in sorted(self.folder.glob("*.toml"), reverse=True):
            with contextlib.suppress(OSError, ValueError, AttributeError, KeyError, TypeError):
                return Calibration.model_validate(tomllib.loads(path.read_text())["calibrations"][name])
        return None

    def _stored(self) -> tuple[Path, _Record] | None:
        """Return the backup's path and record; earlier versions numbered theirs."""
        records = [self.folder / "backup.json", *sorted(self.folder.glob("[0-9]*.json"), reverse=True)]
        for path in records:
            if content := _read(path):
                try:
                    return path.with_suffix(".toml"), _Record.model_validate_json(content)
                except ValidationError:
                    raise _damaged(path) from None
        return None


def _read(path: Path) -> bytes | None:
    with explain_os_errors(path):
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None


def _digest(content: bytes | None) -> str | None:
    return None if content is None else hashlib.sha256(content).hexdigest()


def _damaged(path: Path) -> ConfigError:
    return ConfigError(
        f"{path} was changed since it was stored, so {CONFIG_FILE} stays as it is. Look at "
        f"{path.with_suffix('.toml')}, and copy it to {CONFIG_FILE} if it is right."
    )
