"""Safe reading of settings files: only the user or root may have written them."""

import os
import stat
from pathlib import Path

from memory.errors import ConfigError

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
            return file.read().decode("utf-8")
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
