"""On-disk records of erasures in progress, so that one interrupted by a crash resumes at the next start."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from memory.errors import ThreadBusy
from memory.text.digest import digest
from memory.working.server_folder import folder_error

_SUFFIX = ".json"


@dataclass(slots=True)
class Erasure:
    """An erasure in progress, with the data needed to resume it."""

    path: Path
    owner: str
    threads: tuple[str, ...] = ()

    def add(self, threads: Iterable[str]) -> None:
        """Add thread ids and sync them to disk before the stores that list them are erased."""
        self.threads = tuple(dict.fromkeys([*self.threads, *threads]))
        fresh = self.path.with_suffix(".new")
        with fresh.open("w", encoding="ascii") as file:
            json.dump({"owner": self.owner, "threads": self.threads}, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)


class Erasures:
    """Records in a folder that is created on first use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def begin(self, owner: str) -> Iterator[Erasure]:
        """Record that an owner is being erased, for the duration of the block.

        An exception removes the record too: the caller reports it, and a later start must not erase newer
        messages.
        The record of an earlier, interrupted erasure stays until one succeeds.

        Raises:
            ThreadBusy: another process is erasing this owner.
            DataFolderError: the record cannot be written.
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
            raise folder_error(path.parent.parent, error) from error
        try:
            yield erasure
        except Exception:  # re-raised; a crash or a cancellation keeps the record
            if known is None:
                path.unlink(missing_ok=True)
            raise
        else:
            path.unlink(missing_ok=True)
        finally:
            lock.release()

    def pending(self) -> list[str]:
        """List the owners whose erasing was begin and not ended; another process may be at it."""
        notes = (_read(path) for path in sorted(self._folder.glob(f"*{_SUFFIX}")))
        return [note.owner for note in notes if note is not None]


def _read(path: Path) -> Erasure | None:
    try:
        noted = json.loads(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
    return Erasure(path, str(noted["owner"]), tuple(map(str, noted["threads"])))
