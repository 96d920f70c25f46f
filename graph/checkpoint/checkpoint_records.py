"""Byte format of checkpoints."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple, Protocol, cast, runtime_checkable

from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    PendingWrite,
    writes_sort_key,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from graph.checkpoint.checkpoint_keys import blob_field
from memory.errors import TierCorrupt

_NEXT_STEP = ("branch:to:", "join:")
_NEXT_TASKS = {"__start__", "__pregel_tasks"}


@runtime_checkable
class ChannelSerializer(Protocol):
    """A serializer that knows each channel's type."""

    def revive_channel(self, channel: str, value: Any) -> Any:
        """Convert a channel's value from plain JSON, as after an edit in Studio."""
        ...


class Record(NamedTuple):
    """A checkpoint without its channel values."""

    checkpoint: dict[str, Any]
    metadata: CheckpointMetadata
    parent: str | None

    @property
    def blob_fields(self) -> list[str]:
        return [blob_field(*version) for version in self.checkpoint["channel_versions"].items()]

    def fill(self, blobs: Iterable[bytes | None], serde: SerializerProtocol) -> Checkpoint:
        """Return the checkpoint with its channel values, given in the order of `blob_fields`."""
        named = zip(self.checkpoint["channel_versions"], blobs, strict=True)
        values = {channel: _revive(channel, unpack(blob, serde), serde) for channel, blob in named if blob}
        return cast("Checkpoint", {**self.checkpoint, "channel_values": values})


def pack(value: Any, serde: SerializerProtocol) -> bytes:
    kind, data = serde.dumps_typed(value)
    return kind.encode() + b"\0" + data


def unpack(raw: bytes | str, serde: SerializerProtocol) -> Any:
    """Decode what `pack` wrote.

    Raises:
        TierCorrupt: the bytes are truncated or in another format.
    """
    kind, _, data = (raw.encode() if isinstance(raw, str) else raw).partition(b"\0")
    try:
        return serde.loads_typed((kind.decode(), data))
    except (ValueError, NotImplementedError) as error:
        raise TierCorrupt("working", f"a checkpoint cannot be read: {error}") from error


def pack_record(
    checkpoint: Checkpoint, metadata: CheckpointMetadata, parent: str | None, serde: SerializerProtocol
) -> bytes:
    body = {key: value for key, value in checkpoint.items() if key != "channel_values"}
    return pack([body, metadata, parent], serde)


def unpack_record(raw: bytes | str, serde: SerializerProtocol) -> Record:
    try:
        return Record(*unpack(raw, serde))
    except TypeError as error:
        raise TierCorrupt("working", "a checkpoint has an unknown layout") from error


def pack_blobs(
    values: Mapping[str, Any], versions: ChannelVersions, serde: SerializerProtocol
) -> dict[str, bytes]:
    return {
        blob_field(channel, version): pack(_revive(channel, values[channel], serde), serde)
        if channel in values
        else b""
        for channel, version in versions.items()
    }


def pack_write(
    task: tuple[str, str], index: int, channel: str, value: Any, serde: SerializerProtocol
) -> bytes:
    """Encode a task's write, with its value as a nested blob; `task` is its path and id."""
    return pack([*task, index, channel, pack(_revive(channel, value, serde), serde)], serde)


def unpack_writes(raw: Iterable[bytes], serde: SerializerProtocol) -> list[PendingWrite]:
    """Decode pending writes, in the order in which a run applies them."""
    writes = sorted((unpack(one, serde) for one in raw), key=lambda write: writes_sort_key(*write[:3]))
    return [
        (task_id, channel, _revive(channel, unpack(value, serde), serde))
        for _, task_id, _, channel, value in writes
    ]


def _revive(channel: str, value: Any, serde: SerializerProtocol) -> Any:
    if not _knows_channels(type(serde)):
        return value
    return cast("ChannelSerializer", serde).revive_channel(channel, value)


@cache
def _knows_channels(kind: type[SerializerProtocol]) -> bool:
    """Cache the protocol check, which takes 30 microseconds: a turn packs a hundred values."""
    return issubclass(kind, ChannelSerializer)


def is_pending(values: Mapping[str, Any]) -> bool:
    """Return True when a node may have to run; errs towards True."""
    return any(
        channel in _NEXT_TASKS or channel.startswith(_NEXT_STEP)
        for channel, value in values.items()
        if not (isinstance(value, set | list | tuple) and not value)
    )
