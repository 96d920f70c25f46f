"""Plugin files, and the checks before they may run."""

import os
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from memory.errors import GoatError

MOST_BYTES = 1_000_000
_WRITABLE_BY_ALL = stat.S_IWOTH


class PluginProblem(GoatError):
    """A plugin cannot be used; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginFile:
    """A plugin's file in a folder."""

    path: Path
    shipped: bool
    stamp: tuple[int, ...]
    """Changes when the file does."""


def plugin_files(folder: Path, *, shipped: bool) -> list[PluginFile]:
    """List a folder's plugins: `*.py` except names that start with `_` or `.`; a missing folder has none.

    Raises:
        PluginProblem: the folder cannot be read or is writable by everybody.
    """
    try:
        if not shipped and folder.stat().st_mode & _WRITABLE_BY_ALL and os.name == "posix":
            raise PluginProblem(f"Everybody may write to it. Run: chmod o-w {folder}")
        paths = [path for path in folder.iterdir() if path.suffix == ".py" and path.name[0] not in "._"]
        files = (PluginFile(path=path, shipped=shipped, stamp=_stamp(path)) for path in paths)
        return sorted(files, key=lambda file: file.path.name)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise PluginProblem(f"It cannot be read: {error.strerror}.") from None


def read_plugin(file: PluginFile, owners: Collection[int]) -> bytes:
    """Return a plugin's code; a user's file must belong to one of `owners`.

    Raises:
        PluginProblem: it cannot be read, is not a regular file, is too large, or others may have written it.
    """
    try:
        descriptor = os.open(file.path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with open(descriptor, "rb") as opened:  # noqa: PTH123 - reads the file that is checked
            _check(os.fstat(descriptor), file, owners)
            return opened.read(MOST_BYTES)
    except OSError as error:
        raise PluginProblem(f"It cannot be read: {error.strerror}.") from None


def trusted_owners(data_folder: Path) -> set[int]:
    """Return the users whose files may run: this process's, root, and the data folder's owner."""
    if os.name != "posix":
        return set()
    try:
        return {0, os.geteuid(), data_folder.stat().st_uid}
    except OSError:
        return {0, os.geteuid()}


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        about = path.stat()
    except OSError:  # a dangling link or a file just removed: reading it reports the problem
        return ()
    return about.st_mtime_ns, about.st_ctime_ns, about.st_size, about.st_ino, about.st_mode, about.st_uid


def _check(about: os.stat_result, file: PluginFile, owners: Collection[int]) -> None:
    if not stat.S_ISREG(about.st_mode):
        raise PluginProblem("It is not a regular file.")
    if about.st_size >= MOST_BYTES:
        raise PluginProblem(f"It is larger than {MOST_BYTES // 1000} kB.")
    if file.shipped or os.name != "posix":
        return
    if about.st_mode & _WRITABLE_BY_ALL:
        raise PluginProblem(f"Everybody may write to it. Run: chmod o-w {file.path}")
    if about.st_uid not in owners:
        raise PluginProblem(f"It belongs to another user (uid {about.st_uid}). Make it yours, or remove it.")
