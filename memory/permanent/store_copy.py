"""Copy of an owner's facts and identity between permanent stores, with their history."""

from dataclasses import dataclass

from memory.errors import MemoryTierError
from memory.permanent.permanent_records import RecordedStore, Records
from memory.permanent.store_rules import TIER


@dataclass(frozen=True, slots=True)
class CopyResult:
    owner: str
    records: Records
    """All records of the source."""
    added: Records
    """Records that were missing in the target."""


class CopyRefused(MemoryTierError):
    """The target has records that the source has not."""


async def copy_owner(
    source: RecordedStore, target: RecordedStore, *, owner: str, merge: bool = False
) -> CopyResult:
    """Copy the records that `target` lacks, and verify them by reading back.

    Can be repeated, also after an interruption. With `merge`, the target's other records stay; of two values
    of a key the newest wins, and the source's identity wins if it is new to the target.

    Raises:
        CopyRefused: the target has other records, and `merge` is not set.
        MemoryTierError: a store failed, or the verification did.
    """
    records, there = await source.records(owner=owner), await target.records(owner=owner)
    others = there.without(records)
    if others and not merge:
        raise CopyRefused(TIER, _refusal(owner, others))
    added = await target.restore(records, owner=owner) if records else records
    stored = await target.records(owner=owner)
    if records.without(stored) or there.without(stored) or not (there or stored == records):
        raise MemoryTierError(
            TIER, f"what was copied of {owner} does not read back as written; copy it again"
        )
    return CopyResult(owner, records, added)


def _refusal(owner: str, others: Records) -> str:
    return (
        f"the target holds {len(others)} writings of {owner} that the source does not"
        f" ({others.keys} facts, {len(others.identities)} identities); nothing was copied."
        " To have both, copy with --merge"
    )
