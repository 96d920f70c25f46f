"""Backs up a data folder, and restores one."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Final

from bot.backups.backup_folder import CHUNK, BackedUpFile, Backup, BackupFolder
from bot.backups.data_files import check_database, consistent_copy, is_database, other_files, redis_files
from bot.backups.sealing import BackupRefused
from memory.private_files import is_locked

_UNFINISHED: Final = ".restoring"
_NO_DATA: Final = (_UNFINISHED, "lost+found")
"""Entries of a folder that counts as empty: an interrupted restore's, and a file system's."""
OnFile = Callable[[str, int, int], None]
"""Called with the step, the number of files done, and the total."""


def back_up(data: Path, backups: BackupFolder, on_file: OnFile = lambda *_: None) -> str:
    """Back up a data folder, also while an agent runs, and verify what was written; return its name.

    Redis is copied first: a turn that ends meanwhile is still pending there, and is archived again after a
    restore.

    Raises:
        BackupRefused: a file is damaged, or cannot be read; the folder's other backups are not touched.
    """
    if not data.is_dir():
        raise BackupRefused(f"There is no data folder {data}. Set GOAT_DATA_FOLDER to the one to back up.")
    if backups.folder.resolve().is_relative_to(data.resolve()):
        raise BackupRefused(
            f"{backups.folder} is in the data folder, so that each backup would contain the earlier ones."
            " Name a folder elsewhere, best on another disk."
        )
    with _readable(data, backups.folder):
        backup = _copied(data, backups, on_file)
        _verify(backup, backups, on_file)
        latest = next(reversed(backups.names()), "")
        # Sorts last even if the clock went back, since --keep deletes the first ones.
        name = max(f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S-%f}", f"{latest}+")
        backups.put(name, backup)
    return name


@contextmanager
def _readable(*folders: Path) -> Iterator[None]:
    """Raise `BackupRefused` with the folders' names for an `OSError`, such as a full disk."""
    try:
        yield
    except OSError as error:
        names = " or ".join(map(str, folders))
        raise BackupRefused(
            f"{names} cannot be read or written: {error}. Make room, or make it writable, and start again."
        ) from None


def _copied(data: Path, backups: BackupFolder, on_file: OnFile) -> Backup:
    files = []
    with redis_files(data) as opened:
        for path, stream, size in opened:
            files.append(_add(path, stream, size, backups))
    rest = other_files(data)
    for number, path in enumerate(rest, start=1):
        try:
            with consistent_copy(data / path) as stream:
                files.append(_add(path, stream, -1, backups))
        except FileNotFoundError:
            if (data / path).exists():
                raise
            continue  # deleted after it was listed
        on_file("saving", number, len(rest))
    return Backup(software=f"goat2 {version('goat2')}", files=files)


def _add(path: Path, stream: IO[bytes], size: int, backups: BackupFolder) -> BackedUpFile:
    """Store a file's first `size` bytes, or all of it if `size` is negative."""
    chunks, done = [], 0
    while block := stream.read(CHUNK if size < 0 else min(CHUNK, size - done)):
        chunks.append(backups.add_chunk(block))
        done += len(block)
    return BackedUpFile(path=path.as_posix(), size=done, chunks=chunks)


def _verify(backup: Backup, backups: BackupFolder, on_file: OnFile) -> None:
    for number, file in enumerate(backup.files, start=1):
        if sum(len(backups.read_chunk(chunk)) for chunk in file.chunks) != file.size:
            raise BackupRefused(f"{file.path} was not written as read. Check the disk, and back up again.")
        on_file("verifying", number, len(backup.files))


def restore(backup: Backup, backups: BackupFolder, data: Path, on_file: OnFile = lambda *_: None) -> None:
    """Write a backup to a data folder that does not exist yet, or is empty; all or nothing.

    Raises:
        BackupRefused: the folder has files, or an agent runs on it, or the backup is damaged.
    """
    data = data.expanduser().resolve()
    _check_empty(data)
    # A folder that exists may be a mounted volume, which cannot be replaced.
    there = data.exists()
    unfinished = data / _UNFINISHED if there else data.with_name(data.name + _UNFINISHED)
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        with _readable(unfinished, data):
            unfinished.mkdir(mode=0o700, parents=True)
            for number, file in enumerate(backup.files, start=1):
                _restore_file(file, backups, unfinished)
                on_file("restoring", number, len(backup.files))
            if there:
                for path in unfinished.iterdir():
                    path.rename(data / path.name)
            else:
                unfinished.rename(data)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _restore_file(file: BackedUpFile, backups: BackupFolder, folder: Path) -> None:
    path = file.place_in(folder)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        for chunk in file.chunks:
            stream.write(backups.read_chunk(chunk))
        stream.flush()
        os.fsync(stream.fileno())
    if is_database(path):
        with closing(sqlite3.connect(path)) as database:
            check_database(database, path)


def _check_empty(data: Path) -> None:
    if not data.exists():
        return
    if not data.is_dir():
        raise BackupRefused(f"{data} is no folder. Name another with --to.")
    if is_running(data):
        raise BackupRefused(f"An agent runs on {data}. Stop it, or restore to another folder with --to.")
    if any(path.name not in _NO_DATA for path in data.iterdir()):
        raise BackupRefused(
            f"{data} has files, and a restore overwrites none. Move it away, or name a folder with --to."
        )


def is_running(data: Path) -> bool:
    """Return whether the embedded server of a data folder runs, as it does with every agent."""
    try:
        alive = os.open(data / "redis" / "redis.alive", os.O_RDWR)
    except OSError:
        return False
    return is_locked(alive)
