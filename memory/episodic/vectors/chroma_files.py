"""Upkeep of a local Chroma's files: removal of deleted data, and an index that Chroma lacks.

Chroma leaves the index of a dropped collection in its folder, and deleted rows in free pages of its database.
All small collections share one queue of records; without an index, opening or counting any collection reads
the whole queue, which takes 0.2 s with 2,750 owners.

Each task runs in another process: SQLite locks belong to a process, and closing the file here would release
the locks that Chroma's own SQLite holds on it.
"""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

_SECONDS = 120.0
_LOCK_SECONDS = 30.0
_DATABASE = "chroma.sqlite3"
_UUID_CHARS = 36


def vacuum(folder: Path) -> str:
    """Clean the folder in a subprocess; return the reason if that fails, else ""."""
    return _run("clean", folder)


def index_queue(folder: Path) -> str:
    """Index the queue of records in a subprocess; return the reason if that fails, else ""."""
    return _run("index", folder)


def _run(task: str, folder: Path) -> str:
    if not (folder / _DATABASE).exists():
        return ""
    command = [sys.executable, "-I", "-S", __file__, task, str(folder)]
    try:
        ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_SECONDS)  # noqa: S603
    except subprocess.TimeoutExpired:
        return f"Chroma's files in {folder}: {task} did not end within {_SECONDS:g} s"
    reason = (ran.stderr.strip().splitlines() or [f"status {ran.returncode}"])[-1]
    return f"Chroma's files in {folder}: {task} failed ({reason})" if ran.returncode else ""


def _index(folder: Path) -> None:
    with closing(_open(folder)) as database:
        database.execute("CREATE INDEX IF NOT EXISTS goat_queue ON embeddings_queue (topic, seq_id)")


def _clean(folder: Path) -> None:
    with closing(_open(folder)) as database:
        database.execute("BEGIN IMMEDIATE")  # Chroma adds a collection's row before its folder
        living = {row[0] for row in database.execute("SELECT id FROM segments")}
        for path in folder.iterdir():
            if path.is_dir() and len(path.name) == _UUID_CHARS and path.name not in living:
                shutil.rmtree(path)
        database.execute("COMMIT")
        database.execute("VACUUM")


def _open(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(folder / _DATABASE, timeout=_LOCK_SECONDS, isolation_level=None)


if __name__ == "__main__":
    {"clean": _clean, "index": _index}[sys.argv[1]](Path(sys.argv[2]))
