"""Former versions of `goat.toml`, stored in a folder next to it when a command replaces the file."""

import contextlib
import hashlib
import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Self

from filelock import FileLock, Timeout
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from graph.settings.atomic_file import explain_os_errors, replace_file
from graph.settings.sources import CONFIG_FILE
from memory.errors import ConfigError
from memory.recall.relevance import Calibration
from memory.tuning.tuned_record import Tuned

KEPT = 20
_ENTRY = re.compile(r"(\d{4,})\.json")
_LOCK_SECONDS = 10


class Version(BaseModel):
    """A replaced version of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    at: AwareDatetime
    """When it was replaced."""
    action: Literal["apply", "rollback"]
    before: str | None
    """SHA-256 of this version; None: there was no file."""
    after: str | None
    """SHA-256 of the next version; None: the file was removed."""
    tuned: Tuned | None = None
    """The tuned values that replaced it."""


@dataclass(frozen=True, slots=True)
class ConfigVersions:
    """`goat.toml` and its former versions; hold the lock to replace the file."""

    path: Path

    @classmethod
    def here(cls) -> Self:
        """Return the versions of the working directory's file, with links resolved."""
        return cls(Path(os.path.realpath(CONFIG_FILE)))

    @property
    def folder(self) -> Path:
        """The folder of former versions: content in `NUMBER.toml`, `Version` in `NUMBER.json`."""
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
        with explain_os_errors(self.path):
            try:
                return self.path.read_bytes()
            except FileNotFoundError:
                return None

    def versions(self) -> list[Version]:
        """Return the former versions, newest first; unreadable ones are left out."""
        found = []
        for number in sorted(self._numbers(), reverse=True):
            with contextlib.suppress(OSError, ValidationError):
                text = (self.folder / f"{number:04}.json").read_bytes()
                found.append(Version.model_validate_json(text))
        return found

    def is_unchanged(self) -> bool:
        """Say whether the file is unchanged since a command last wrote or removed it."""
        versions = self.versions()
        return bool(versions) and versions[0].after == digest_of(self.read())

    def content(self, version: Version) -> bytes | None:
        """Return a former version's content; None when there was no file.

        Raises:
            ConfigError: it is missing or has changed.
        """
        if version.before is None:
            return None
        with explain_os_errors(self.folder):
            content = (self.folder / f"{version.number:04}.toml").read_bytes()
        if digest_of(content) != version.before:
            raise ConfigError(f"Version {version.number} in {self.folder} was changed since it was stored.")
        return content

    def replace(
        self, content: bytes | None, action: Literal["apply", "rollback"], tuned: Tuned | None = None
    ) -> Version:
        """Store the current file as a version and replace it with `content`, atomically."""
        former = self.read()
        version = Version(
            number=max(self._numbers(), default=0) + 1,
            at=datetime.now(UTC),
            action=action,
            before=digest_of(former),
            after=digest_of(content),
            tuned=tuned,
        )
        with explain_os_errors(self.path):
            if former is not None:
                replace_file(self.folder / f"{version.number:04}.toml", former)
            replace_file(
                self.folder / f"{version.number:04}.json", version.model_dump_json(indent=1).encode()
            )
            try:
                replace_file(self.path, content)
            except OSError:
                self._drop(version.number)
                raise
            for number in sorted(self._numbers())[:-KEPT]:
                self._drop(number)
        return version

    def calibration(self, name: str) -> Calibration | None:
        """Return a calibration from the newest former version that has it; None without one."""
        for version in self.versions():
            with contextlib.suppress(ConfigError, ValueError, AttributeError, KeyError, TypeError):
                text = (self.content(version) or b"").decode()
                return Calibration.model_validate(tomllib.loads(text)["calibrations"][name])
        return None

    def _numbers(self) -> list[int]:
        names = (_ENTRY.fullmatch(path.name) for path in self.folder.glob("*.json"))
        return [int(name[1]) for name in names if name]

    def _drop(self, number: int) -> None:
        for kind in ("json", "toml"):
            (self.folder / f"{number:04}.{kind}").unlink(missing_ok=True)


def digest_of(content: bytes | None) -> str | None:
    """Return the SHA-256 of a file's content; None for None."""
    return None if content is None else hashlib.sha256(content).hexdigest()
