"""Files for the chat: each owner's in a folder of its own, removed after a day."""

import logging
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path

from memory.errors import DataFolderError
from memory.text.digest import digest

ARTIFACT_SECONDS = 24 * 3600.0
"""How long a file for the chat stays at least."""
HOUR = 3600.0
logger = logging.getLogger(__name__)


def artifacts_of(owner: str, data_folder: Path) -> Path:
    """Return where an owner's files for the chat are; the name tells nobody who that is."""
    return _all(data_folder) / digest(owner)


def erase_artifacts(owner: str, data_folder: Path) -> None:
    """Remove an owner's files for the chat.

    Raises:
        DataFolderError: they cannot be removed.
    """
    folder = artifacts_of(owner, data_folder)
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise DataFolderError(f"{folder} cannot be removed ({error}); remove it yourself.") from error


def remove_old(data_folder: Path, now: float) -> None:
    """Remove every owner's files that are older than a day; what cannot be removed is left."""
    for path in _all(data_folder).rglob("*"):
        with suppress(OSError):
            if not path.is_dir() and path.lstat().st_mtime < now - ARTIFACT_SECONDS:
                path.unlink()


class ArtifactUpkeep:
    """Remove old files at once and then every hour, in a thread of its own, until it is ended."""

    def __init__(self, data_folder: Path, every: float = HOUR) -> None:
        self._data_folder = data_folder
        self._every = every
        self._ended: threading.Event | None = None

    def begin(self) -> None:
        """Begin, unless it goes on already."""
        if self._ended is None:
            self._ended = threading.Event()
            threading.Thread(target=self._run, args=(self._ended,), name="artifacts", daemon=True).start()

    def end(self) -> None:
        """End it; it may begin again."""
        if self._ended is not None:
            self._ended.set()
            self._ended = None

    def _run(self, ended: threading.Event) -> None:
        while True:
            try:
                remove_old(self._data_folder, time.time())
            except OSError as error:
                logger.warning("Old files for the chat cannot be removed: %s", error)
            if ended.wait(self._every):
                return


def _all(data_folder: Path) -> Path:
    return data_folder.expanduser().resolve() / "artifacts"
