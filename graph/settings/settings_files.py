"""Settings files: safe reading, as only the user or root may have written them; atomic replacement."""

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from memory.errors import ConfigError

ENCODING = "utf-8-sig"
"""UTF-8, also after the byte order mark with which some editors of Windows begin a file."""
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_READABLE_BY_OTHERS = stat.S_IRGRP | stat.S_IROTH
UNREADABLE = (ValueError, OSError, RecursionError)
"""Errors of reading a settings file: bad encoding, bad TOML, deep nesting, no access."""


def read_settings_file(path: Path) -> str:
    """Return a file's text; "" when it is missing or in an inaccessible folder.

    Raises:
        ConfigError: it cannot be read, or other users may have written it.
    """
    if not _is_there(path):
        return ""
    try:
        with path.open("rb") as file:
            _check(os.fstat(file.fileno()), path)
            return file.read().decode(ENCODING)
    except UNREADABLE as error:
        raise unreadable_error(str(path), error) from None


def unreadable_error(what: str, error: Exception) -> ConfigError:
    why = "it is nested too deeply" if isinstance(error, RecursionError) else error
    return ConfigError(f"{what} cannot be read: {why}. Correct or remove it.")


def is_open_to_readers(path: Path) -> bool:
    return os.name == "posix" and _is_there(path) and bool(path.stat().st_mode & _READABLE_BY_OTHERS)


def _is_there(path: Path) -> bool:
    """Return True when the file exists and its folder may be entered."""
    try:
        return path.is_file()
    except OSError:
        return False


def _check(about: os.stat_result, path: Path) -> None:
    if os.name != "posix":
        return
    if about.st_uid not in {0, os.geteuid()}:
        raise ConfigError(
            f"{path.absolute()} belongs to another user (uid {about.st_uid}), so it is not used. "
            "Make it yours, remove it, or use another folder."
        )
    if about.st_mode & _WRITABLE_BY_OTHERS:
        raise ConfigError(
            f"Other users may write to {path.absolute()}, so it is not used. "
            f"Run: chmod go-w {path.absolute()}"
        )


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
