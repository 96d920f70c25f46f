"""On-disk records of erasures in progress, so that one interrupted by a crash resumes at the next start."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from filelock import FileLock, Timeout

from memory.errors import ThreadBusy
from memory.private_files import write_private
from memory.text.text import digest
from memory.working.server_folder import folder_error

_SUFFIX = ".json"
_NO_TURN = ""
NOTHING: Mapping[str, datetime] = MappingProxyType({})


@dataclass(slots=True)
class Erasure:
    """An erasure in progress, with the data needed to resume it."""

    path: Path
    owner: str
    threads: tuple[str, ...] = ()
    turn_ids: tuple[str, ...] = ()
    """The turns to erase."""
    facts: Mapping[str, datetime] = field(default_factory=dict)
    """The keys of the facts to erase, each with the time of the request; later values stay."""
    values: tuple[str, ...] = ()
    """The values of these facts, which checkpoints may show."""

    @property
    def is_whole(self) -> bool:
        """True when all of the owner's data is erased."""
        return not (self.turn_ids or self.facts)

    def add(self, threads: Iterable[str] = (), values: Iterable[str] = ()) -> None:
        """Add what the stores list, and sync it to disk before they are erased."""
        self.threads = tuple(dict.fromkeys([*self.threads, *threads]))
        self.values = tuple(dict.fromkeys([*self.values, *values]))
        # Earlier versions take a record without turns for a whole erasure.
        turn_ids = self.turn_ids if self.is_whole else self.turn_ids or (_NO_TURN,)
        content = {
            "owner": self.owner,
            "threads": self.threads,
            "turns": turn_ids,
            "facts": {key: until.isoformat() for key, until in self.facts.items()},
            "values": self.values,
        }
        write_private(self.path, json.dumps(content).encode())


class Erasures:
    """Records in a folder that is created on first use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def begin(
        self, owner: str, turn_ids: Sequence[str] = (), facts: Mapping[str, datetime] = NOTHING
    ) -> Iterator[Erasure]:
        """Record that an owner's turns and facts, or all of the owner's data, are being erased in this block.

        An exception removes the record of a whole erasure too: the caller reports it, and a later start must
        not erase newer messages. The record of an earlier, interrupted erasure stays until one succeeds, and
        a new one includes it.

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
            asked = Erasure(path, owner, turn_ids=tuple(turn_ids), facts=facts)
            erasure = _join(known, asked)
            erasure.add()
        except Timeout:
            raise ThreadBusy("Another process is erasing this memory. Wait until it is done.") from None
        except OSError as error:
            raise folder_error(path.parent.parent, error) from error
        try:
            yield erasure
        except Exception:  # re-raised; a crash or a cancellation keeps the record
            if known is not None and asked.is_whole and not known.is_whole:
                known.add(erasure.threads)
            if known is None and asked.is_whole:
                path.unlink(missing_ok=True)
            raise
        else:
            path.unlink(missing_ok=True)
        finally:
            lock.release()

    def pending(self) -> list[Erasure]:
        """List the erasures that began and did not end; another process may be running them."""
        notes = (_read(path) for path in sorted(self._folder.glob(f"*{_SUFFIX}")))
        return [note for note in notes if note is not None]


def _join(known: Erasure | None, fresh: Erasure) -> Erasure:
    if known is None:
        return fresh
    if known.is_whole or fresh.is_whole:
        return Erasure(fresh.path, fresh.owner, known.threads)
    turn_ids = tuple(dict.fromkeys([*known.turn_ids, *fresh.turn_ids]))
    facts = {**known.facts, **fresh.facts}
    facts = {key: max(until, known.facts.get(key, until)) for key, until in facts.items()}
    return Erasure(fresh.path, fresh.owner, known.threads, turn_ids, facts, known.values)


def _read(path: Path) -> Erasure | None:
    try:
        noted = json.loads(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
    threads, turn_ids, values = (
        tuple(str(one) for one in noted.get(name, ()) if one != _NO_TURN)
        for name in ("threads", "turns", "values")
    )
    facts = {key: datetime.fromisoformat(until) for key, until in noted.get("facts", {}).items()}
    return Erasure(path, str(noted["owner"]), threads, turn_ids, facts, values)
