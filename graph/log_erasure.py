"""An owner's lines in the log, overwritten where they stand: the files are open in other processes."""

import logging
from pathlib import Path

from graph.log_file import older_files
from memory.digest import digest


def erase_lines(path: Path, older: int, *, owner: str) -> None:
    """Overwrite with blanks what the log says of an owner's turns, once what waits to be written is."""
    for handler in logging.getLogger().handlers:
        handler.flush()
    for file in (path, *older_files(path, older)):
        if file.exists():
            _blank(file, digest(owner).encode())


def _blank(path: Path, mark: bytes) -> None:
    with path.open("r+b") as file:
        place = 0
        for line in file.readlines():
            if mark in line:
                file.seek(place)
                file.write(b" " * len(line.rstrip(b"\n")))
            place += len(line)
