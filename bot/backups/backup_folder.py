"""A folder of backups: chunks of files, each kept once, and a list of files for each backup.

* goat-backup.json     format, version and encryption
* chunks/ab/NAME       a compressed piece of a file
* backups/TIME         the files of a backup with the names of their chunks, as JSON
* lock
"""

import json
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from bot.backups.sealing import BackupRefused, Seal, known_seal, new_seal
from memory.private_files import write_private

FORMAT: Final = "goat-backup"
VERSION: Final = 1
CHUNK: Final = 64 * 1024
"""Bytes. A database's pages keep their offsets, so a few changed pages change few chunks."""
_SETTINGS: Final = "goat-backup.json"
_LEVEL: Final = 3
_NAME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}-[0-9]{2}-[0-9]{2}-[0-9]{6}\+*")
"""Name of a backup; file managers add other files, such as .DS_Store."""


class BackedUpFile(BaseModel):
    model_config = ConfigDict(frozen=True)

    path: str
    """Relative to the data folder, with slashes."""
    size: int
    chunks: list[str]

    def place_in(self, folder: Path) -> Path:
        """Return the file's path in a folder.

        Raises:
            BackupRefused: it leads out of the folder.
        """
        path = PurePosixPath(self.path)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise BackupRefused(f"The backup has a file {self.path!r}, which leads out of the data folder.")
        return folder / path


class Backup(BaseModel):
    """The files of a backup."""

    model_config = ConfigDict(frozen=True)

    format: str = FORMAT
    software: str
    files: list[BackedUpFile]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


@dataclass(slots=True)
class BackupFolder:
    """An open folder of backups."""

    folder: Path
    seal: Seal
    added: int = 0
    """Bytes of new chunks."""
    _seen: set[str] = field(default_factory=set)

    def add_chunk(self, content: bytes) -> str:
        """Store a piece of a file, unless an undamaged copy is there; return its name."""
        name = self.seal.name(content)
        if name not in self._seen and not self._is_whole(name):
            sealed = self.seal.close(zlib.compress(content, _LEVEL), name)
            self._chunk(name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(self._chunk(name), sealed)
            self.added += len(sealed)
        self._seen.add(name)
        return name

    def read_chunk(self, name: str) -> bytes:
        """Return a piece of a file.

        Raises:
            BackupRefused: it is missing, changed or damaged.
        """
        if not name.isalnum():
            raise BackupRefused(f"The backup names a part {name[:20]!r}, which is none.")
        try:
            content = zlib.decompress(self.seal.open(self._chunk(name).read_bytes(), name))
        except (OSError, zlib.error) as error:
            raise BackupRefused(
                f"The part {name[:12]} of the backup cannot be read ({error}). Use another copy of it."
            ) from None
        if self.seal.name(content) != name:
            raise BackupRefused(f"The part {name[:12]} of the backup was changed. Use another copy.")
        return content

    def names(self) -> list[str]:
        """List the backups, oldest first."""
        return sorted(path.name for path in (self.folder / "backups").iterdir() if _NAME.fullmatch(path.name))

    def put(self, name: str, backup: Backup) -> None:
        """Store a finished backup."""
        content = zlib.compress(backup.model_dump_json().encode(), _LEVEL)
        write_private(self.folder / "backups" / name, self.seal.close(content, name))

    def get(self, name: str) -> Backup:
        """Read a backup; raises BackupRefused if there is none, or it was changed."""
        path = self.folder / "backups" / name
        if name not in self.names():
            raise BackupRefused(
                f"There is no backup {name!r}; there are: {', '.join(self.names()) or 'none'}."
            )
        try:
            return Backup.model_validate_json(zlib.decompress(self.seal.open(path.read_bytes(), name)))
        except (zlib.error, ValidationError):
            raise BackupRefused(f"The backup {name} was changed or damaged. Use an earlier one.") from None

    def keep_last(self, count: int) -> int:
        """Delete all but the last backups, and unused chunks; return how many backups were deleted.

        Raises:
            BackupRefused: a backup to keep is damaged, and nothing was deleted.
        """
        names = self.names()
        if len(names) <= count:
            return 0
        needed = {chunk for name in names[-count:] for chunk in self._needed(name)}
        for name in names[:-count]:
            (self.folder / "backups" / name).unlink()
        for path in (self.folder / "chunks").glob("*/*"):
            if path.name not in needed:
                path.unlink()
        return len(names) - count

    def _needed(self, name: str) -> Iterator[str]:
        """Yield the chunks of a backup that is kept."""
        try:
            files = self.get(name).files
        except (BackupRefused, OSError):
            raise BackupRefused(
                f"Older backups and their chunks were not deleted, because the backup {name} is damaged."
                f" Delete {self.folder / 'backups' / name}, then back up again."
            ) from None
        for file in files:
            yield from file.chunks

    def _is_whole(self, name: str) -> bool:
        if not self._chunk(name).exists():
            return False
        try:
            self.read_chunk(name)
        except BackupRefused:
            return False
        return True

    def _chunk(self, name: str) -> Path:
        return self.folder / "chunks" / name[:2] / name


@contextmanager
def open_backups(folder: Path, passphrase: str = "", *, create: bool = False) -> Iterator[BackupFolder]:
    """Open and lock a folder of backups; `create` begins a new one in an empty folder.

    Without `create`, a folder that this user cannot write is opened without a lock.

    Raises:
        BackupRefused: there is none, it cannot be written, another process uses it, or the passphrase is
            wrong.
    """
    lock = FileLock(folder / "lock", mode=0o600, timeout=0)
    try:
        if create and not (folder / _SETTINGS).exists():
            _begin(folder, passphrase)
        noted = _noted(folder)
        _acquire(lock, must=create)
    except Timeout:
        raise BackupRefused(f"Another process uses {folder}. Wait until it is done.") from None
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise BackupRefused(f"{folder} has no backups. Name the folder that `goat backup` wrote.") from None
    except OSError as error:
        raise BackupRefused(f"{folder} cannot be used: {error.strerror}. Name another folder.") from None
    try:
        if noted.get("format") != FORMAT or noted.get("version", 0) > VERSION:
            raise BackupRefused(f"{folder} has backups of a newer version. Upgrade goat2.")
        yield BackupFolder(folder, known_seal(passphrase, noted))
    finally:
        lock.release()


def _acquire(lock: FileLock, *, must: bool) -> None:
    try:
        lock.acquire()
    except Timeout:
        raise
    except OSError:
        if must:
            raise


def is_encrypted(folder: Path) -> bool:
    """Return whether a folder has encrypted backups."""
    try:
        return bool(_noted(folder)["encrypted"])
    except (OSError, ValueError):
        return False


def _noted(folder: Path) -> dict[str, Any]:
    """Read a folder's settings; raises ValueError if they are not those of backups."""
    noted = json.loads((folder / _SETTINGS).read_text("utf-8"))
    if isinstance(noted, dict) and isinstance(noted.get("encrypted"), bool):
        return noted
    raise ValueError(_SETTINGS)


def _begin(folder: Path, passphrase: str) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise BackupRefused(f"{folder} has other files. Name an empty folder, or one that has backups.")
    _, noted = new_seal(passphrase)
    (folder / "backups").mkdir(mode=0o700)
    content = json.dumps({"format": FORMAT, "version": VERSION, **noted}, indent=1)
    write_private(folder / _SETTINGS, content.encode())
