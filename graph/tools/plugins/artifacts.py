"""Files for the chat, in one folder per owner, removed after a day."""

import logging
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path

from memory.errors import DataFolderError
from memory.text.text import digest

ARTIFACT_SECONDS = 24 * 3600.0
"""Age from which a file is removed."""
HOUR = 3600.0
logger = logging.getLogger(__name__)


def artifacts_of(owner: str, data_folder: Path) -> Path:
    """Return the folder of an owner's files, named by a digest of the owner."""
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
    """Remove all owners' files older than a day, except those that cannot be removed."""
    for path in _all(data_folder).rglob("*"):
        with suppress(OSError):
            if not path.is_dir() and path.lstat().st_mtime < now - ARTIFACT_SECONDS:
                path.unlink()


class ArtifactUpkeep:
    """A thread that removes old files at its start and then every hour."""

    def __init__(self, data_folder: Path, every: float = HOUR) -> None:
        self._data_folder = data_folder
        self._every = every
        self._ended: threading.Event | None = None

    def begin(self) -> None:
        """Start the thread unless it runs already."""
        if self._ended is None:
            self._ended = threading.Event()
            threading.Thread(target=self._run, args=(self._ended,), name="artifacts", daemon=True).start()

    def end(self) -> None:
        """End the thread; `begin` can start it again."""
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
    return data_folder.resolve() / "artifacts"
