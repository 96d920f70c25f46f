"""A search of the data folder's files for texts, byte by byte.

It runs in another process: SQLite's locks belong to a process, and closing a database's file here would
release the locks that an open connection holds on it.
"""

import json
import mmap
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_OWNERS = "owners"
_SKIPPED = frozenset({"models", "data_level0.bin", "length.bin"})
"""The embedding model, and files of Chroma whose unused room holds memory as the process left it."""


@dataclass(frozen=True, slots=True)
class SearchedFiles:
    """The result of a search."""

    files: int
    megabytes: int
    found: tuple[str, ...]
    """Paths relative to the folder."""


def search_files(folder: Path, key: str, forms: Iterable[bytes]) -> SearchedFiles:
    """Search a folder for any of the forms, leaving out the files of owners with another key.

    Raises:
        OSError: the search failed.
    """
    command = [sys.executable, "-I", "-S", __file__]
    task = json.dumps([str(folder), key, [form.hex() for form in forms]])
    ran = subprocess.run(command, input=task, check=False, capture_output=True, text=True)  # noqa: S603
    if ran.returncode:
        reason = (ran.stderr.strip().splitlines() or [f"status {ran.returncode}"])[-1]
        raise OSError(f"the files of {folder} could not be searched ({reason})")
    files, size, found = json.loads(ran.stdout)
    return SearchedFiles(files, size // 10**6, tuple(found))


def _files(folder: Path, key: str) -> Iterator[Path]:
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        is_others = parts[0] == _OWNERS and not path.name.startswith(key)
        if not (is_others or _SKIPPED & {*parts}) and path.is_file():
            yield path


def _search(path: Path, forms: Sequence[bytes]) -> tuple[int, bool]:
    """Return a file's size, and whether it holds one of the forms."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return len(content), any(content.find(form) >= 0 for form in forms)
    except (FileNotFoundError, ValueError):  # deleted meanwhile, or empty
        return 0, False


def _main() -> None:
    where, key, coded = json.load(sys.stdin)
    folder, forms = Path(where), [bytes.fromhex(form) for form in coded]
    searched = {path: _search(path, forms) for path in _files(folder, key)}
    size = sum(length for length, _ in searched.values())
    found = [str(path.relative_to(folder)) for path, (_, holds) in searched.items() if holds]
    sys.stdout.write(json.dumps([len(searched), size, found]))


if __name__ == "__main__":
    _main()
