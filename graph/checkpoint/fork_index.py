"""Which checkpoints of a thread others were forked from."""

from collections.abc import Iterator, Mapping

from graph.checkpoint.checkpoint_records import Record

_BEGINNINGS = frozenset({"input", "fork"})
"""How LangGraph says in `metadata["source"]` that a checkpoint does not go on from its parent's run."""


def forked_steps(records: Mapping[str, Record]) -> set[str]:
    """Return the steps of the latest turn and of the one gone back to, when the thread now stands in a fork.

    Nothing in a thread that just goes on.
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
    """Return the earliest step of the same turn that is known, up through the forks."""
    while records[name].metadata.get("source") != "input":
        parent = records[name].parent
        if parent is None or parent not in records:
            break
        name = parent
    return name


def _steps(records: Mapping[str, Record], first: str) -> Iterator[str]:
    """Follow a run from one of its steps to its end; ids go by time, and the first child is its own."""
    followers: dict[str, str] = {}
    for name in sorted(records):
        parent = records[name].parent
        if parent is not None and records[name].metadata.get("source") not in _BEGINNINGS:
            followers.setdefault(parent, name)
    following: str | None = first
    while following is not None:
        yield following
        following = followers.get(following)
