"""Facts and identity taken from one permanent store to another, with their whole history."""

from dataclasses import dataclass

from memory.errors import MemoryTierError
from memory.permanent.permanent_records import RecordedStore, Records
from memory.permanent.store_rules import TIER


@dataclass(frozen=True, slots=True)
class Copied:
    """What became of one owner's memory."""

    owner: str
    records: Records
    """All that the source holds."""
    added: Records
    """What the target did not hold."""


class CopyRefused(MemoryTierError):
    """The target holds what the source does not."""


async def copy_owner(
    source: RecordedStore, target: RecordedStore, *, owner: str, merge: bool = False
) -> Copied:
    """Copy what `source` holds of an owner and `target` does not, and read it back.

    May be done again, also when it broke off. With `merge` what the target holds besides stays; of two values
    of a key the newest stands, and the identity of the source, when it is new to the target.

    Raises:
        CopyRefused: the target holds something else, and `merge` is not asked for.
        MemoryTierError: a store failed, or what was read back is not what was written.
    """
    records, there = await source.records(owner=owner), await target.records(owner=owner)
    others = there.without(records)
    if others and not merge:
        raise CopyRefused(TIER, _refusal(owner, others))
    added = await target.restore(records, owner=owner) if records else records
    stored = await target.records(owner=owner)
    if records.without(stored) or there.without(stored) or not (there or stored == records):
        raise MemoryTierError(
            TIER, f"what was copied of {owner} does not read back as it was written; copy it again"
        )
    return Copied(owner, records, added)


def _refusal(owner: str, others: Records) -> str:
    return (
        f"the target holds {len(others)} writings of {owner} that the source does not"
        f" ({others.keys} facts, {len(others.identities)} identities); nothing was copied."
        " To have both, copy with --merge"
    )
