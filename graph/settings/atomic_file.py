"""Files that are replaced whole: whoever reads one finds all of it, whatever is killed when."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from memory.errors import ConfigError


def swap(path: Path, content: bytes | None, mode: int | None = None) -> None:
    """Put `content` at a path, on the disk, whatever is killed when; whoever reads finds all or nothing.

    The new file has `mode`, or that of the one before.
    """
    if content is None:
        path.unlink(missing_ok=True)
    else:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                _like_before(file.fileno(), path, mode)
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


def _like_before(handle: int, path: Path, mode: int | None) -> None:
    """Give a new file `mode` or that of the one at the path and, where that is allowed, its owner."""
    with contextlib.suppress(FileNotFoundError):
        there = path.stat()
        os.fchmod(handle, there.st_mode & 0o7777 if mode is None else mode)
        with contextlib.suppress(PermissionError):
            os.fchown(handle, there.st_uid, there.st_gid)


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
    """Say what is wrong with a path, and what to do."""
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be used: {error.strerror or error}. It must be a file in a folder that may be "
            "written; where it is mounted by itself, mount its folder."
        ) from error
