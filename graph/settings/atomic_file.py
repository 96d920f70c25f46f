"""Atomic replacement of files."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from memory.errors import ConfigError


def replace_file(path: Path, content: bytes | None, mode: int | None = None) -> None:
    """Write `content` to a path atomically and durably; None deletes the file.

    The file gets `mode`, or keeps that of the old one.
    """
    if content is None:
        path.unlink(missing_ok=True)
    else:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                _copy_permissions(file.fileno(), path, mode)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _copy_permissions(handle: int, path: Path, mode: int | None) -> None:
    """Set a file's mode and, where permitted, its owner to those of the file at `path`."""
    with contextlib.suppress(FileNotFoundError):
        there = path.stat()
        os.fchmod(handle, there.st_mode & 0o7777 if mode is None else mode)
        with contextlib.suppress(PermissionError):
            os.fchown(handle, there.st_uid, there.st_gid)


@contextlib.contextmanager
def explain_os_errors(path: Path) -> Iterator[None]:
    """Turn an `OSError` about a path into a `ConfigError` with advice."""
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be used: {error.strerror or error}. It must be a file in a writable "
            "folder; if the file itself is mounted, mount its folder."
        ) from error
