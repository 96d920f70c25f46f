"""The state folder of Studio's server; LangGraph writes it to the working folder, readable by everybody."""

import os
import shutil
import stat
import tempfile
from pathlib import Path

from memory.errors import DataFolderError
from memory.working.server_folder import folder_error, prepare_folder

LINK = Path(".langgraph_api")
"""Folder that the server writes to; its name is fixed."""
_PRIVATE = 0o077


def studio_folder(data_folder: Path) -> Path:
    """Return the private folder of Studio's server, creating it if needed.

    Raises:
        DataFolderError: it cannot be created.
    """
    folder = prepare_folder(data_folder) / "studio"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise folder_error(data_folder, error) from error
    return folder


def keep_state_in(folder: Path) -> str:
    """Link the server's state to a private folder, moving earlier state there.

    Returns a message for the person, mostly "".

    Raises:
        DataFolderError: the link cannot be made.
    """
    os.umask(_PRIVATE)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if LINK.is_symlink():
            LINK.unlink()
        message = _move_files(folder) if LINK.exists() else ""
        LINK.symlink_to(folder.resolve(), target_is_directory=True)
    except OSError as error:
        raise DataFolderError(
            f"The state of Studio's server cannot be kept in {folder}: {error.strerror}: {error.filename}. "
            f"Remove {LINK.absolute()}, or start the server in a folder that you may write."
        ) from error
    return message


def _move_files(folder: Path) -> str:
    """Move our files out of the working folder; the rest is kept under another name."""
    LINK.chmod(0o700)
    moved = [path for path in LINK.iterdir() if _is_ours(path) and not (folder / path.name).exists()]
    for path in moved:
        path.chmod(0o600)
        shutil.move(path, folder / path.name)
    message = f"The server's state was moved from {LINK} to {folder}.\n" if moved else ""
    if not any(LINK.iterdir()):
        LINK.rmdir()
        return message
    left = tempfile.mkdtemp(prefix=f"{LINK}-left-", dir=LINK.absolute().parent)
    LINK.rename(left)
    return f"{message}{left} holds state of an earlier server that is no longer used: remove it.\n"


def _is_ours(path: Path) -> bool:
    about = path.lstat()
    return stat.S_ISREG(about.st_mode) and about.st_uid == os.geteuid()
