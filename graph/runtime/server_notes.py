"""Files of LangGraph's server: the input of its runs, and each thread's latest state.

A running server drops erased threads itself (`graph.studio.thread_list`). Otherwise the files are emptied
here, except for assistants that a person made; threads are listed again from Redis.
"""

import fcntl
import os
import pickle
from pathlib import Path
from typing import Any

from memory.private_files import is_locked, try_lock, write_private

FOLDER = "studio"
"""In the data folder."""
RUNS = "LangGraph's server is running: it deletes erased data within 15 seconds"
_NOTES, _USED = ".langgraph_ops.pckl", "server.used"
_EMPTIED = ("runs", "threads", "crons")
_PLAIN = {
    "uuid": {"UUID"},
    "datetime": {"datetime", "timedelta", "timezone"},
    "_codecs": {"encode"},
    "builtins": {"set"},
}
"""Classes that unpickling may call; every other becomes a placeholder."""


def is_running(data_folder: Path) -> bool:
    """Return True while a server is marked as running."""
    return is_locked(_open_lock(data_folder))


def mark_running(data_folder: Path) -> int:
    """Mark the server as running until the returned descriptor is closed."""
    file = _open_lock(data_folder)
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


def forget_runs(data_folder: Path) -> str:
    """Empty the files unless the server runs; return why not, or ""."""
    path = data_folder / FOLDER / _NOTES
    if not path.exists():
        return ""
    file = _open_lock(data_folder)
    try:
        if not try_lock(file):
            return RUNS
        _empty(path)
    finally:
        os.close(file)
    return ""


def _open_lock(data_folder: Path) -> int:
    folder = data_folder / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.open(folder / _USED, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _empty(path: Path) -> None:
    """Rewrite the file without runs and threads; delete it when it cannot be read."""
    try:
        with path.open("rb") as file:
            notes = _Notes(file).load()
        kept = pickle.dumps({**notes, **{name: [] for name in _EMPTIED}}, 2)
    except (pickle.PickleError, TypeError, ValueError, AttributeError, EOFError, LookupError):
        path.unlink()
    else:
        write_private(path, kept)


class _Placeholder:
    """Placeholder for values that are dropped; cannot be pickled."""

    def __new__(cls, *_: object, **__: object) -> "_Placeholder":
        return super().__new__(cls)

    def __setstate__(self, _: object) -> None:
        return

    def __reduce__(self) -> str:
        raise pickle.PicklingError("this is to be emptied")


class _Notes(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        module = {"__builtin__": "builtins"}.get(module, module)
        return super().find_class(module, name) if name in _PLAIN.get(module, ()) else _Placeholder
