"""Removal of deleted data from a local Chroma's files.

Chroma leaves the index of a dropped collection in its folder, and deleted rows in free pages of its database.
The cleanup runs in another process: SQLite locks belong to a process, and closing the file here would release
the locks that Chroma's own SQLite holds on it.
"""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

SECONDS = 120.0
_LOCK_SECONDS = 30.0
_DATABASE = "chroma.sqlite3"
_UUID_CHARS = 36


def vacuum(folder: Path, *, seconds: float = SECONDS) -> str:
    """Clean the folder in a subprocess; return the reason if that fails, else ""."""
    if not (folder / _DATABASE).exists():
        return ""
    command = [sys.executable, "-I", "-S", __file__, str(folder)]
    try:
        ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=seconds)  # noqa: S603
    except subprocess.TimeoutExpired:
        return f"Chroma's files in {folder} were not cleaned within {seconds:g} s"
    reason = (ran.stderr.strip().splitlines() or [f"status {ran.returncode}"])[-1]
    return f"Chroma's files in {folder} could not be cleaned ({reason})" if ran.returncode else ""


def _clean(folder: Path) -> None:
    with closing(
        sqlite3.connect(folder / _DATABASE, timeout=_LOCK_SECONDS, isolation_level=None)
    ) as database:
        database.execute("BEGIN IMMEDIATE")  # Chroma adds a collection's row before its folder
        living = {row[0] for row in database.execute("SELECT id FROM segments")}
        for path in folder.iterdir():
            if path.is_dir() and len(path.name) == _UUID_CHARS and path.name not in living:
                shutil.rmtree(path)
        database.execute("COMMIT")
        database.execute("VACUUM")


if __name__ == "__main__":
    _clean(Path(sys.argv[1]))
