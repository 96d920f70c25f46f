"""The files of a data folder that a backup needs, and consistent copies of them while an agent runs.

Chroma's folder is left out: its vectors are also in the owners' files, from which the agent rebuilds it.
"""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Final

from bot.backups.sealing import BackupRefused

LEFT_OUT: Final = frozenset({"chroma", "exports", "logs", "locks", "matplotlib", "models"})
"""Folders of derived data, or of data for this machine alone."""
_SUFFIXES: Final = frozenset({".lock", ".log", ".new", ".pid", ".sock", ".users", ".alive", ".probe"})
_BESIDE: Final = ("-wal", "-shm", "-journal")
"""Suffixes of SQLite's helper files; the copy of a database has their content."""
REDIS: Final = Path("redis") / "redis.aof"
_MANIFEST: Final = "appendonly.aof.manifest"
_BUSY_SECONDS: Final = 30.0
_ATTEMPTS: Final = 20


def other_files(folder: Path) -> list[Path]:
    """List the files besides Redis', erasures in progress first, relative to the folder.

    An erasure that ends meanwhile is finished again after a restore.
    """
    found = [
        path.relative_to(folder) for path in _walk(folder) if REDIS not in path.relative_to(folder).parents
    ]
    return sorted(found, key=lambda path: (path.parts[0] != "erasing", path))


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in LEFT_OUT:
            continue
        if path.is_symlink():
            if path.is_dir() and path.name not in REDIS.parts:  # `redis_files` reads through links
                raise BackupRefused(
                    f"{path} is a link to another folder, which a backup would leave out. Mount it there"
                    " instead (mount --bind)."
                )
            continue
        if path.is_dir():
            yield from _walk(path)
        elif path.is_file() and path.suffix not in _SUFFIXES and not path.name.endswith(_BESIDE):
            yield path


@contextmanager
def consistent_copy(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading; of a SQLite database, a checked copy of one moment."""
    if not is_database(path):
        with path.open("rb") as stream:
            yield stream
        return
    with tempfile.TemporaryDirectory(prefix="goat-backup-") as folder:
        copy = Path(folder) / "copy.sqlite"
        _copy_database(path, copy)
        with copy.open("rb") as stream:
            yield stream


def is_database(path: Path) -> bool:
    return path.suffix in (".sqlite", ".sqlite3", ".db")


def _copy_database(path: Path, copy: Path) -> None:
    """Copy all pages in one step: pages keep their offsets, and no writer can restart the copy."""
    if not path.exists():
        raise FileNotFoundError(path)
    uri = f"{path.absolute().as_uri()}?mode=rw"
    try:
        with (
            closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
            check_database(target, path)
    except sqlite3.Error as error:
        raise BackupRefused(f"{path} cannot be copied: {error}. Nothing was kept of this backup.") from None


def check_database(database: sqlite3.Connection, path: Path) -> None:
    """Check a database's structure.

    Raises:
        BackupRefused: it is damaged.
    """
    (said,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if said != "ok":
        raise BackupRefused(f"{path} is damaged ({said}). Restore it from an earlier backup.")


@contextmanager
def redis_files(folder: Path) -> Iterator[list[tuple[Path, IO[bytes], int]]]:
    """Open the embedded server's append-only files, each with its path and the bytes to read.

    The server may append to them, and replace them; the manifest then lists others, and it is read again.
    """
    place = folder / REDIS
    if not (place / _MANIFEST).exists():
        yield []
        return
    for _ in range(_ATTEMPTS):
        manifest = (place / _MANIFEST).read_bytes()
        names = [_MANIFEST, *_listed(manifest)]
        try:
            streams = [(place / name).open("rb") for name in names]
        except FileNotFoundError:
            continue
        try:
            if (place / _MANIFEST).read_bytes() == manifest:
                sizes = [os.fstat(stream.fileno()).st_size for stream in streams]
                paths = [REDIS / name for name in names]
                yield list(zip(paths, streams, sizes, strict=True))
                return
        finally:
            for stream in streams:
                stream.close()
    raise BackupRefused("Redis rewrites its files all the time. Try again when there is less to do.")


def _listed(manifest: bytes) -> list[str]:
    """Return the files of an append-only manifest: lines such as `file NAME seq 1 type b`."""
    words = (line.split() for line in manifest.decode().splitlines())
    return [line[1] for line in words if len(line) > 1 and line[0] == "file" and line[-1] != "h"]
