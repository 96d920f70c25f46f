"""The embedded server's part of the data folder."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from memory.errors import DataFolderError

_SOCKET_PATH_LIMIT = 100
"""Bytes; kernels allow 103 (macOS) or 107 (Linux)."""

_PROBE = b"\0" * 4096


def prepare_folder(path: Path) -> Path:
    """Create the data folder if it is missing, and check that it can be written.

    Raises:
        DataFolderError: the folder is read-only, full, not a folder, or another user's.
    """
    try:
        folder = path.expanduser().resolve()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_owner(folder)
        _probe(folder)
    except OSError as error:
        raise folder_error(path, error) from error
    return folder


def folder_error(path: Path, error: OSError) -> DataFolderError:
    """Return the error for a data folder that cannot be used, with advice."""
    reason = error.strerror or type(error).__name__
    return DataFolderError(
        f"the data folder {path} cannot be used: {reason}. "
        "Free some space, make it writable, or choose another one with GOAT_DATA_FOLDER."
    )


def socket_path(folder: Path) -> Path:
    """Return the path of the server's unix socket; in a private temporary folder if it would be too long.

    Raises:
        DataFolderError: that private folder is another user's, or accessible to others.
    """
    path = folder / "redis.sock"
    if len(os.fsencode(path)) <= _SOCKET_PATH_LIMIT:
        return path
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return _private_folder(Path(tempfile.gettempdir()) / f"goat-{digest}") / "redis.sock"


def _check_owner(folder: Path) -> None:
    owner, user = folder.stat().st_uid, os.geteuid()
    if user not in {0, owner}:
        raise DataFolderError(
            f"the data folder {folder} belongs to another user (uid {owner}, not {user}). "
            "Choose another one with GOAT_DATA_FOLDER."
        )


def _probe(folder: Path) -> None:
    probe = folder / "redis.probe"
    try:
        probe.write_bytes(_PROBE)
    finally:
        probe.unlink(missing_ok=True)


def _private_folder(path: Path) -> Path:
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise folder_error(path, error) from error
    if found.st_mode != stat.S_IFDIR | stat.S_IRWXU or found.st_uid != os.geteuid():
        raise DataFolderError(
            f"{path} is not a private folder of this user, so the server's socket cannot be put there. "
            "Remove it, or choose a data folder with a shorter path."
        )
    return path
