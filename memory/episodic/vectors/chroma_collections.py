"""The collections that are open in a Chroma of this process, as many as it can afford."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum

from chromadb import Collection
from chromadb.api import ClientAPI
from chromadb.errors import ChromaError
from langchain_chroma import Chroma

from memory.episodic.vectors.chroma_client import connect, disconnect
from memory.episodic.vectors.vector_backend import ChromaLocation

LARGE = 200
"""Records from which on a collection is not quick to open: 900 that Chroma has not yet written to files take
a fifth of a second of processor time, 60 a hundredth."""
MOST_OPEN = 16
"""Collections of each size; each takes 3 MB or more, and four files."""
EXCHANGE = 0.2
"""Seconds that a call waits for a full client to be closed; then it opens one more."""


class Size(Enum):
    """Of a collection; its value is the name of the client that has it open."""

    SMALL = ""
    LARGE = "/."


@dataclass(slots=True)
class Client:
    """A client with what it has opened."""

    size: Size
    api: ClientAPI
    names: set[str] = field(default_factory=set)
    """Collections that it may have in memory."""
    stores: dict[str, Chroma] = field(default_factory=dict)
    collections: dict[str, Collection] = field(default_factory=dict)
    users: int = 0
    """Calls that are running."""
    full: bool = False
    """It is to be closed before it opens another one."""

    def collection(self, name: str) -> Collection:
        """Return the collection itself: LangChain's search reads texts and metadata, which nobody needs."""
        found = self.collections.get(name)
        if found is None:
            found = self.collections[name] = self.api.get_collection(name, embedding_function=None)
        return found

    def count(self, name: str) -> int:
        """Count the records of a collection; 0 when it was dropped, or cannot be read."""
        with suppress(ChromaError):
            return self.collection(name).count()
        return 0

    def forget(self, name: str) -> None:
        """Look the collection up anew at its next use."""
        self.stores.pop(name, None)
        self.collections.pop(name, None)


class OpenCollections:
    """Clients of one Chroma, each exchanged for a fresh one before it holds too much.

    A Chroma of this machine keeps in memory whatever it has opened, and closes nothing by itself; its own
    limit (`hnsw_cache_size`) loses what it has not written to files. Collections that are quick to open again
    do not push out those that are not: these have a client of their own. A collection is open in one client
    at a time, since another one would not see what is written.
    """

    def __init__(self, location: ChromaLocation, *, most: int = MOST_OPEN, large: int = LARGE) -> None:
        """Connect.

        Args:
            location: a server's collections are its own matter: nothing is closed.
            most: collections of each size that stay open.
            large: records from which on a collection is a large one.
        """
        self._location = location
        self._most = most if location.local else sys.maxsize
        self._changed = threading.Condition()
        self._least = large
        self._closed = False
        self._large: set[str] = set()
        self._clients = {Size.SMALL: Client(Size.SMALL, connect(location))}

    @contextmanager
    def client(self, collection: str) -> Iterator[Client]:
        """Lend the client to use the collection with.

        Raises:
            RuntimeError: everything was closed.
        """
        with self._changed:
            chosen = self._chosen(collection)
            chosen.names.add(collection)
            chosen.users += 1
        try:
            yield chosen
        finally:
            with self._changed:
                chosen.users -= 1
                self._let_go(chosen)
                self._changed.notify_all()

    def close(self) -> None:
        """Close everything, whatever still runs."""
        with self._changed:
            self._closed = True
            clients, self._clients = self._clients, {}
        for client in clients.values():
            disconnect(client.api)

    def _chosen(self, collection: str) -> Client:
        until = time.monotonic() + EXCHANGE
        while not self._closed:
            client = self._of(collection)
            if collection not in client.names and len(client.names) >= self._most:
                client.full = True
            if not client.full or time.monotonic() > until:
                return client
            if client.users:
                self._changed.wait(max(0.0, until - time.monotonic()))
            self._let_go(client)
        raise RuntimeError("the vectors were closed meanwhile")

    def _of(self, collection: str) -> Client:
        for client in self._clients.values():
            if collection in client.names:
                return client
        size = Size.LARGE if collection in self._large else Size.SMALL
        found = self._clients.get(size)
        if found is None:
            found = self._clients[size] = Client(size, connect(self._location, size.value))
        return found

    def _let_go(self, client: Client) -> None:
        """Close a client that is full when nobody uses it any more."""
        if client.full and not client.users and self._clients.get(client.size) is client:
            self._large |= {name for name in client.names if client.count(name) >= self._least}
            del self._clients[client.size]
            disconnect(client.api)
