"""Redis keys of checkpoints. `{thread}` is a hash tag: a thread's keys share one slot of a cluster.

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
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from langchain_core.runnables import RunnableConfig

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

    @property
    def index(self) -> str:
        return self._key("index")

    @property
    def checkpoints(self) -> str:
        return self._key("checkpoints")

    @property
    def blobs(self) -> str:
        return self._key("blobs")

    @property
    def written(self) -> str:
        return self._key("written")

    def writes(self, checkpoint_id: str) -> str:
        return self._key(f"writes:{quote(checkpoint_id, safe='')}")

    def config(self, checkpoint_id: str) -> RunnableConfig:
        return {
            "configurable": {
                "thread_id": self.thread,
                "checkpoint_ns": self.name,
                "checkpoint_id": checkpoint_id,
            }
        }

    def _key(self, kind: str) -> str:
        return f"{_thread_prefix(self.thread)}{kind}:{self.name}"


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
