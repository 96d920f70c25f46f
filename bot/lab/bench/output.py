"""A results file, opened before the work begins and replaced only when complete."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from memory.errors import GoatError

_PRIVATE, _ANYBODY = 0o600, 0o666
"""File modes, before the umask."""


class OutputError(GoatError):
    """The results cannot be written."""


@contextmanager
def results_file(path: Path | None, *, private: bool = False) -> Iterator[Callable[[Any], None]]:
    """Yield a function that takes the results, which are then written to `path` atomically.

    Args:
        path: the file, which is replaced; None writes nothing.
        private: only the user can read it.

    Raises:
        OutputError: the file cannot be written; before the block runs, if that is known.
    """
    results: list[Any] = []
    if path is None:
        yield results.append
        return
    target = path.resolve()
    if target.exists() and not target.is_file():
        raise OutputError(f"{path}: expected a file for the results, found a folder or device")
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    with _explained(path):
        partial.touch(mode=_PRIVATE if private else _ANYBODY, exist_ok=False)
    try:
        yield results.append
        if results:
            with _explained(path):
                partial.write_text(json.dumps(results[-1], indent=1), encoding="utf-8")
                partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path}: the results cannot be written: {error.strerror or error}") from None
