"""What LangGraph's server notes on the disk: the input of its runs, and each thread's latest state.

While the server runs, it drops erased threads itself (`graph.studio.thread_list`). Otherwise the notes
are emptied here, except for assistants that somebody made; threads are listed again from Redis.
"""

import fcntl
import os
import pickle
from pathlib import Path
from typing import Any

FOLDER = "studio"
"""Of the data folder."""
RUNS = "LangGraph's server is running: it drops what was erased within 15 seconds"
_NOTES, _USED = ".langgraph_ops.pckl", "server.used"
_EMPTIED = ("runs", "threads", "crons")
_PLAIN = {
    "uuid": {"UUID"},
    "datetime": {"datetime", "timedelta", "timezone"},
    "_codecs": {"encode"},
    "builtins": {"set"},
}
"""What notes are read with; nothing else that stands in them is called."""


def use(data_folder: Path) -> int:
    """Say that a server runs, until the descriptor that is returned is closed."""
    file = _opened(data_folder)
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


def forget_runs(data_folder: Path) -> str:
    """Empty the notes of a server that does not run; return why they cannot be."""
    path = data_folder / FOLDER / _NOTES
    if not path.exists():
        return ""
    file = _opened(data_folder)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _empty(path)
    except BlockingIOError:
        return RUNS
    finally:
        os.close(file)
    return ""


def _opened(data_folder: Path) -> int:
    folder = data_folder / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.open(folder / _USED, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _empty(path: Path) -> None:
    """Write the notes without runs and threads; those that cannot be read go as a whole."""
    fresh = path.with_suffix(".new")
    try:
        with path.open("rb") as file:
            notes = _Notes(file).load()
        kept = pickle.dumps({**notes, **{name: [] for name in _EMPTIED}}, 2)
    except (pickle.PickleError, TypeError, ValueError, AttributeError, EOFError, LookupError):
        path.unlink()
        return
    fresh.write_bytes(kept)
    fresh.chmod(0o600)
    fresh.replace(path)


class _Anything:
    """Stand for whatever is emptied; it cannot be written again."""

    def __new__(cls, *_: object, **__: object) -> "_Anything":
        return super().__new__(cls)

    def __setstate__(self, _: object) -> None:
        return

    def __reduce__(self) -> str:
        raise pickle.PicklingError("this is to be emptied")


class _Notes(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        module = {"__builtin__": "builtins"}.get(module, module)
        return super().find_class(module, name) if name in _PLAIN.get(module, ()) else _Anything
