"""Erasings that were begun, noted in a file each: one that a kill broke off goes on at the next start."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from memory.errors import ThreadBusy
from memory.text.digest import digest
from memory.working.server_folder import unusable

_SUFFIX = ".json"


@dataclass(slots=True)
class Erasure:
    """One that goes on, with what has to be known to begin it again."""

    path: Path
    owner: str
    threads: tuple[str, ...] = ()

    def add(self, threads: Iterable[str]) -> None:
        """Note threads, on the disk, before the stores that tell of them are erased."""
        self.threads = tuple(dict.fromkeys([*self.threads, *threads]))
        fresh = self.path.with_suffix(".new")
        with fresh.open("w", encoding="ascii") as file:
            json.dump({"owner": self.owner, "threads": self.threads}, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)


class Erasures:
    """Notes in a folder, which is made when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def begun(self, owner: str) -> Iterator[Erasure]:
        """Note that an owner is being erased, for the time of the block.

        The note goes with an error too, as whoever asked is told of that: what is said later is not to be
        erased by a later start. It stays when the process is ended, until what was broken off is done.

        Raises:
            ThreadBusy: another process is at it.
            DataFolderError: the note cannot be written.
        """
        path = self._folder / f"{digest(owner)}{_SUFFIX}"
        lock = FileLock(path.with_suffix(".lock"), mode=0o600, timeout=0, thread_local=False)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock.acquire()
            known = _read(path)
            erasure = known or Erasure(path, owner)
            erasure.add(())
        except Timeout:
            raise ThreadBusy("Another process is erasing this memory. Wait until it is done.") from None
        except OSError as error:
            raise unusable(path.parent.parent, error) from error
        try:
            yield erasure
        except Exception:
            if known is None:
                path.unlink(missing_ok=True)
            raise
        else:
            path.unlink(missing_ok=True)
        finally:
            lock.release()

    def broken_off(self) -> list[str]:
        """List the owners whose erasing was begun and not ended; another process may be at it."""
        notes = (_read(path) for path in sorted(self._folder.glob(f"*{_SUFFIX}")))
        return [note.owner for note in notes if note is not None]


def _read(path: Path) -> Erasure | None:
    try:
        noted = json.loads(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
    return Erasure(path, str(noted["owner"]), tuple(map(str, noted["threads"])))
