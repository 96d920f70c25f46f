"""The archive's vector index: blocking backend calls on threads, with a timeout."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TypeVar

from memory.concurrency.tasks import DaemonPool
from memory.episodic.vectors.chroma_files import vacuum
from memory.episodic.vectors.vector_backend import TIER, ChromaLocation, Chunk, Found, Vector, VectorBackend
from memory.errors import TierUnavailable

T = TypeVar("T")
_THREADS = 4  # concurrent calls


def connect_chroma(location: ChromaLocation) -> VectorBackend:
    from memory.episodic.vectors.chroma import open_chroma  # noqa: PLC0415 - chromadb takes a second or two

    return open_chroma(location)


class VectorIndex:
    """Calls the backend off the event loop; connects on first use, and again after an error.

    Every method raises `TierUnavailable` when the backend cannot be reached, takes more than `limit` seconds,
    or hangs in an earlier call on the same collection, and `TierCorrupt` when it cannot be read.
    """

    def __init__(
        self,
        location: ChromaLocation,
        *,
        connect: Callable[[ChromaLocation], VectorBackend] = connect_chroma,
        patience: float = 3.0,
        limit: float = 30.0,
    ) -> None:
        """Configure the index without connecting.

        Args:
            location: where the vectors are.
            connect: opens the backend; called on a thread.
            patience: seconds after which a call counts as hung and blocks others on its collection.
            limit: timeout of a call, in seconds.
        """
        self._location = location
        self._connect = connect
        self._patience = patience
        self._limit = limit
        self._pool = DaemonPool(_THREADS)
        self._backend: VectorBackend | None = None
        self._opening = threading.Lock()
        self._running: dict[object, tuple[str, float]] = {}

    @property
    def local(self) -> bool:
        """True when the vectors are on this machine, where calls are fast."""
        return self._location.local

    async def ready(self) -> None:
        """Import Chroma, and open it when it is local; do not contact a server."""
        await asyncio.to_thread(import_module, "memory.episodic.vectors.chroma")
        if self.local:
            await self._run("", lambda _: None)

    async def upsert(
        self, collection: str, parts: Sequence[Chunk], vectors: Sequence[Vector], about: dict[str, str | int]
    ) -> None:
        """Write the parts' vectors; create a missing collection with `about` as its metadata."""
        await self._run(collection, lambda backend: backend.upsert(collection, parts, vectors, about))

    async def search(self, collection: str, vector: Vector, limit: int) -> list[Found]:
        """Return the `limit` closest parts, closest first."""
        return await self._run(collection, lambda backend: backend.search(collection, vector, limit))

    async def count(self, collection: str) -> int:
        return await self._run(collection, lambda backend: backend.count(collection))

    async def forget(self, collection: str, turn_ids: Sequence[str]) -> None:
        """Delete the vectors of the given episodes."""
        await self._run(collection, lambda backend: backend.forget(collection, turn_ids))

    async def drop(self, collection: str) -> None:
        await self._run(collection, lambda backend: backend.drop(collection))

    async def catch_up(self, collection: str) -> None:
        """Make other processes' writes visible to this process's searches."""
        await self._run(collection, lambda backend: backend.catch_up(collection))

    async def names(self) -> set[str]:
        return await self._run("", lambda backend: backend.names())

    async def vacuum(self) -> str:
        """Remove dropped vectors from the files; return the reason if that fails, else ""."""
        if self.local:
            return await asyncio.to_thread(vacuum, self._location.folder.expanduser())
        return f"Chroma at {self._location} keeps deleted vectors in its files; run `chroma vacuum` there"

    async def close(self) -> None:
        """Close the backend; hung threads are abandoned."""
        backend, self._backend = self._backend, None
        if backend is not None:
            await asyncio.to_thread(backend.close)
        self._pool.shutdown()
        self._pool = DaemonPool(_THREADS)

    async def _run(self, collection: str, call: Callable[[VectorBackend], T]) -> T:
        hung_since = time.monotonic() - self._patience
        hung = [busy for busy, since in list(self._running.values()) if since < hung_since]
        if collection in hung or len(hung) >= _THREADS:
            raise TierUnavailable(TIER, "the vectors still hang in an earlier call")
        started = self._pool.submit(self._call, collection, call)
        try:
            async with asyncio.timeout(self._limit):
                return await asyncio.wrap_future(started)
        except TimeoutError as error:
            raise TierUnavailable(TIER, f"the vectors did not answer in {self._limit:g} s") from error

    def _call(self, collection: str, call: Callable[[VectorBackend], T]) -> T:
        ticket = object()
        self._running[ticket] = (collection, time.monotonic())
        try:
            with self._opening:
                if self._backend is None:
                    self._backend = self._connect(self._location)
                backend = self._backend
            try:
                return call(backend)
            except TierUnavailable:
                self._disconnect(backend)
                raise
            except (AttributeError, KeyError, RuntimeError) as error:
                if backend is self._backend:
                    raise
                raise TierUnavailable(TIER, "another call closed the connection to the vectors") from error
        finally:
            del self._running[ticket]

    def _disconnect(self, backend: VectorBackend) -> None:
        with self._opening:
            if backend is self._backend:
                self._backend = None
                backend.close()
