"""A results file, opened before the work begins and replaced only when complete."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from memory.errors import GoatError

_PRIVATE, _ANYBODY = 0o600, 0o666
"""File modes, before the umask."""


class OutputError(GoatError):
    """The results cannot be written."""


class Write(Protocol):
    """Write the results."""

    def __call__(self, results: Any, /) -> None: ...


@contextmanager
def results_file(path: Path | None, *, private: bool = False) -> Iterator[Write]:
    """Yield a function that writes results to `path` atomically, or does nothing when it is None.

    Args:
        path: the file, which is replaced.
        private: only the user can read it.

    Raises:
        OutputError: the file cannot be written; raised before the block runs.
    """
    if path is None:
        yield lambda _: None
        return
    target = path.resolve()
    if target.exists() and not target.is_file():
        raise OutputError(f"{path}: expected a file for the results, found a folder or device")
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        partial.touch(mode=_PRIVATE if private else _ANYBODY, exist_ok=False)
    except OSError as error:
        raise OutputError(f"{path}: the results cannot be written: {error.strerror or error}") from None
    try:
        yield lambda results: _write(path, target, partial, results)
    finally:
        partial.unlink(missing_ok=True)


def _write(path: Path, target: Path, partial: Path, results: Any) -> None:
    try:
        with partial.open("w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    except OSError as error:
        raise OutputError(f"{path}: the results cannot be written: {error.strerror or error}") from None
