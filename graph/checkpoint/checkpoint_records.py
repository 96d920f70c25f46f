"""Checkpoints in Redis: byte format and keys. `{thread}` is a hash tag: a thread's keys share a slot.

* goat:checkpoint:{thread}:namespaces              set of checkpoint namespaces
* goat:checkpoint:{thread}:index:<ns>              sorted set of checkpoint ids, by name
* goat:checkpoint:{thread}:checkpoints:<ns>        hash: id -> checkpoint without its channel values
* goat:checkpoint:{thread}:blobs:<ns>              hash: channel NUL version -> value, empty when it has none
* goat:checkpoint:{thread}:written:<ns>            sorted set of checkpoint ids that have pending writes
* goat:checkpoint:{thread}:writes:<id>:<ns>        hash: task NUL index -> write
* goat:checkpoint:threads, goat:checkpoint:pending sorted sets of thread ids, by time in seconds
* goat:checkpoint:run:<run>                        set of JSON [thread, namespace, id]
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Literal, NamedTuple, Protocol, cast, runtime_checkable
from urllib.parse import quote

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint, CheckpointMetadata, PendingWrite, writes_sort_key
from langgraph.checkpoint.serde.base import SerializerProtocol

from memory.errors import TierCorrupt

_PREFIX = "goat:checkpoint:"
THREADS = _PREFIX + "threads"
PENDING = _PREFIX + "pending"


@dataclass(frozen=True, slots=True)
class Namespace:
    """A checkpoint namespace of a thread; the root graph's name is empty."""

    thread: str
    name: str

    @classmethod
    def of(cls, config: RunnableConfig) -> "Namespace":
        configurable = config["configurable"]
        return cls(str(configurable["thread_id"]), configurable.get("checkpoint_ns", ""))

    @property
    def is_root(self) -> bool:
        return not self.name

    @property
    def is_of_one_task(self) -> bool:
        """True for one run of a subgraph; persistent subgraphs have no task id in their name."""
        return ":" in self.name

    def key(self, kind: Literal["index", "checkpoints", "blobs", "written"]) -> str:
        return f"{_thread_prefix(self.thread)}{kind}:{self.name}"

    def writes(self, checkpoint_id: str) -> str:
        """Return the key of a checkpoint's pending writes."""
        return f"{_thread_prefix(self.thread)}writes:{quote(checkpoint_id, safe='')}:{self.name}"

    def config(self, checkpoint_id: str) -> RunnableConfig:
        return {
            "configurable": {
                "thread_id": self.thread,
                "checkpoint_ns": self.name,
                "checkpoint_id": checkpoint_id,
            }
        }


def namespaces_key(thread: str) -> str:
    return f"{_thread_prefix(thread)}namespaces"


def run_key(run_id: str) -> str:
    return f"{_PREFIX}run:{run_id}"


def run_member(namespace: Namespace, checkpoint_id: str) -> str:
    return json.dumps([namespace.thread, namespace.name, checkpoint_id])


def parse_run_member(member: str) -> tuple[Namespace, str]:
    thread, name, checkpoint_id = json.loads(member)
    return Namespace(thread, name), checkpoint_id


def blob_field(channel: str, version: str | int | float) -> str:
    return f"{channel}\0{version}"


@lru_cache(maxsize=1024)
def _thread_prefix(thread: str) -> str:
    """Return the key prefix with the thread quoted: a hash tag has no braces and is never empty."""
    return f"{_PREFIX}{{{quote(thread, safe='') or '%'}}}:"


def text(value: Any) -> str:
    """Decode a value from Redis."""
    return value.decode() if isinstance(value, bytes) else str(value)


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
        values = {channel: revived(channel, unpack(blob, serde), serde) for channel, blob in named if blob}
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
        raise _unreadable(type(error).__name__) from None  # the error quotes what people said


def unpack_record(raw: bytes | str, serde: SerializerProtocol) -> Record:
    try:
        return Record(*unpack(raw, serde))
    except TypeError as error:
        raise _unreadable("unknown layout") from error


def _unreadable(why: str) -> TierCorrupt:
    what = f"this thread's checkpoint cannot be read ({why}): it is damaged, or a later version wrote it"
    return TierCorrupt("working", f"{what}. Begin a new thread with /new.")


def pack_write(
    task: tuple[str, str], index: int, channel: str, value: Any, serde: SerializerProtocol
) -> bytes:
    """Encode a task's write, with its value as a nested blob; `task` is its path and id."""
    return pack([*task, index, channel, pack(revived(channel, value, serde), serde)], serde)


def unpack_writes(raw: Iterable[bytes], serde: SerializerProtocol) -> list[PendingWrite]:
    """Decode pending writes, in the order in which a run applies them."""
    writes = sorted((unpack(one, serde) for one in raw), key=lambda write: writes_sort_key(*write[:3]))
    return [
        (task_id, channel, revived(channel, unpack(value, serde), serde))
        for _, task_id, _, channel, value in writes
    ]


def revived(channel: str, value: Any, serde: SerializerProtocol) -> Any:
    """Convert a channel's value from plain JSON, if the serializer knows the channels' types."""
    if not _knows_channels(type(serde)):
        return value
    return cast("ChannelSerializer", serde).revive_channel(channel, value)


@cache
def _knows_channels(kind: type[SerializerProtocol]) -> bool:
    """Cache the protocol check, which takes 30 microseconds: a turn packs a hundred values."""
    return issubclass(kind, ChannelSerializer)
