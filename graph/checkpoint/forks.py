"""The steps of a thread's forks."""

from collections.abc import Iterator, Mapping

from graph.checkpoint.checkpoint_records import Record

_BEGINNINGS = frozenset({"input", "fork"})
"""Values of `metadata["source"]` for a checkpoint that does not continue its parent's run."""


def forked_steps(records: Mapping[str, Record]) -> set[str]:
    """Return the steps of the latest turn and of the forked one, if the newest checkpoint is in a fork.

    Empty for a thread without forks.
    """
    if not records:
        return set()
    newest = max(records)
    begun = [name for name, record in records.items() if record.metadata.get("source") == "input"]
    found: set[str] = set()
    for first in {_first(records, newest), max(begun, default=newest)}:
        steps = set(_steps(records, first))
        if newest not in steps:
            found |= steps
    return found


def _first(records: Mapping[str, Record], name: str) -> str:
    """Return the earliest known step of a step's turn, following forks to their parents."""
    while records[name].metadata.get("source") != "input":
        parent = records[name].parent
        if parent is None or parent not in records:
            break
        name = parent
    return name


def _steps(records: Mapping[str, Record], first: str) -> Iterator[str]:
    """Yield a run's steps from `first` on; ids are ordered by time, and the first child continues the run."""
    followers: dict[str, str] = {}
    for name in sorted(records):
        parent = records[name].parent
        if parent is not None and records[name].metadata.get("source") not in _BEGINNINGS:
            followers.setdefault(parent, name)
    following: str | None = first
    while following is not None:
        yield following
        following = followers.get(following)
