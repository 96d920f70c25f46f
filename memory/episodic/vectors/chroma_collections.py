"""Connections to a Chroma folder or server, and the collections that are open in them, limited in number."""

import http.client
import logging
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import unquote, urlsplit

import chromadb
import httpx
from chromadb import Collection
from chromadb.api import ClientAPI
from chromadb.api.shared_system_client import SharedSystemClient
from chromadb.config import DEFAULT_DATABASE, DEFAULT_TENANT, Settings
from chromadb.errors import ChromaError
from langchain_chroma import Chroma

from memory.episodic.vectors.chroma_files import index_queue
from memory.episodic.vectors.vector_backend import TIER, ChromaLocation
from memory.errors import TierUnavailable

logger = logging.getLogger(__name__)
LARGE = 200
"""Number of records above which a collection is slow to open. Opening takes 0.2 s of processor time with 900
records that Chroma has not yet written to files, and 0.01 s with 60.
"""
MOST_OPEN = 16
"""Open collections of each size. Each takes at least 3 MB and four files."""
CLOSE_WAIT = 0.2
"""Seconds that a call waits for a full client to close before it opens one more collection."""


class Size(Enum):
    """Size class of a collection; the value is the path suffix of its client."""

    SMALL = ""
    LARGE = "/."


@dataclass(slots=True)
class ChromaClient:
    """A Chroma client and its open collections."""

    size: Size
    api: ClientAPI
    names: set[str] = field(default_factory=set)
    """Collections that it may hold in memory."""
    stores: dict[str, Chroma] = field(default_factory=dict)
    collections: dict[str, Collection] = field(default_factory=dict)
    users: int = 0
    """Running calls."""
    full: bool = False
    """Close it before it opens another collection."""

    def collection(self, name: str) -> Collection:
        """Return the raw collection: LangChain's search would also read texts and metadata."""
        found = self.collections.get(name)
        if found is None:
            found = self.collections[name] = self.api.get_collection(name, embedding_function=None)
        return found

    def count(self, name: str) -> int:
        """Count the records of a collection; 0 when it was dropped or cannot be read."""
        with suppress(ChromaError):
            return self.collection(name).count()
        return 0

    def forget(self, name: str) -> None:
        """Drop the collection's handle, so that the next use fetches it again."""
        self.stores.pop(name, None)
        self.collections.pop(name, None)


class OpenCollections:
    """Clients of one Chroma, each replaced before it holds too many collections.

    A local Chroma keeps every opened collection in memory and never closes one; its own limit
    (`hnsw_cache_size`) loses records that it has not written to files. Large collections have a client of
    their own, so that small ones do not evict them. A collection is open in one client at a time, because
    another one would not see its writes.
    """

    def __init__(self, location: ChromaLocation, *, most: int = MOST_OPEN, large: int = LARGE) -> None:
        """Connect.

        Args:
            location: where the vectors are; there is no limit for a server.
            most: open collections of each size.
            large: number of records that makes a collection large.
        """
        self._location = location
        self._most = most if location.local else sys.maxsize
        self._changed = threading.Condition()
        self._least = large
        self._closed = False
        self._indexed = False
        self._large: set[str] = set()
        self._clients = {Size.SMALL: ChromaClient(Size.SMALL, _connect(location))}

    @contextmanager
    def client(self, collection: str = "") -> Iterator[ChromaClient]:
        """Lend the client that has the collection open; without a collection, any client.

        Raises:
            RuntimeError: the clients were closed.
        """
        with self._changed:
            chosen = self._choose(collection)
            if collection:
                chosen.names.add(collection)
            chosen.users += 1
        try:
            yield chosen
        finally:
            with self._changed:
                chosen.users -= 1
                self._close_if_idle(chosen)
                self._changed.notify_all()

    def close(self) -> None:
        """Close every client, even during running calls."""
        with self._changed:
            self._closed = True
            clients, self._clients = self._clients, {}
        for client in clients.values():
            _disconnect(client.api)

    def _choose(self, collection: str) -> ChromaClient:
        until = time.monotonic() + CLOSE_WAIT
        while not self._closed:
            client = self._client_of(collection)
            if collection not in client.names and len(client.names) >= self._most:
                client.full = True
            if not client.full or time.monotonic() > until:
                return client
            if client.users:
                self._changed.wait(max(0.0, until - time.monotonic()))
            self._close_if_idle(client)
        raise RuntimeError("the vectors are closed")

    def _client_of(self, collection: str) -> ChromaClient:
        for client in self._clients.values():
            if collection in client.names:
                return client
        size = Size.LARGE if collection in self._large else Size.SMALL
        found = self._clients.get(size)
        if found is None:
            found = self._clients[size] = ChromaClient(size, _connect(self._location, size.value))
        return found

    def _close_if_idle(self, client: ChromaClient) -> None:
        """Close a full client that has no running calls."""
        if client.full and not client.users and self._clients.get(client.size) is client:
            self._large |= {name for name in client.names if client.count(name) >= self._least}
            del self._clients[client.size]
            _disconnect(client.api)
            if not self._indexed:
                self._indexed = True
                threading.Thread(target=self._index_queue, daemon=True).start()

    def _index_queue(self) -> None:
        if reason := index_queue(self._location.folder):
            logger.warning("Small archives open slowly: %s", reason)


def _connect(location: ChromaLocation, name: str = "") -> ClientAPI:
    """Connect to the server, or open the folder.

    Args:
        location: where the vectors are.
        name: a suffix of the path, still to the same folder: clients of one path share open collections.

    Raises:
        TierUnavailable: the URL is invalid, or the server does not answer.
    """
    return _local(location, name) if location.local else _remote(location)


def _disconnect(client: ClientAPI) -> None:
    """Close the connections. A folder's files close with the last client that shares them."""
    for session in _sessions(client):
        session.close()
    close = getattr(client, "close", None)
    if close is not None:
        close()


def _local(location: ChromaLocation, name: str) -> ClientAPI:
    location.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = str(location.folder) + name
    try:
        return chromadb.PersistentClient(path, settings=Settings(_env_file=None, anonymized_telemetry=False))
    except BaseException:  # else Chroma would reuse the half-open engine for this path
        SharedSystemClient._identifier_to_system.pop(path, None)
        raise


def _remote(location: ChromaLocation) -> ClientAPI:
    url = urlsplit(location.url.get_secret_value())
    place = [unquote(part) for part in url.path.split("/") if part]
    if url.scheme not in ("http", "https") or not url.hostname or len(place) not in (0, 2):
        raise TierUnavailable(
            TIER,
            f"{location} is not the address of a Chroma server, such as http://host:8000, or"
            " https://api.trychroma.com/TENANT/DATABASE for one with tenants",
        )
    secure = url.scheme == "https"
    port = url.port or (443 if secure else 8000)
    _check_server(url.hostname, port, secure=secure, timeout=location.timeout)
    token = unquote(url.username or "")
    headers = {"Authorization": f"Bearer {token}", "X-Chroma-Token": token} if token else {}
    settings = Settings(_env_file=None, anonymized_telemetry=False)
    tenant, database = place or (DEFAULT_TENANT, DEFAULT_DATABASE)
    client = chromadb.HttpClient(url.hostname, port, secure, headers, settings, tenant, database)
    for session in _sessions(client):
        session.timeout = httpx.Timeout(location.timeout)
    return client


def _sessions(client: ClientAPI) -> list[httpx.Client]:
    """Return the HTTP clients inside a Chroma client, which sets no timeout on them and never closes them."""
    servers = [getattr(part, "_server", None) for part in (client, getattr(client, "_admin_client", None))]
    sessions = [getattr(server, "_session", None) for server in servers]
    return [session for session in sessions if isinstance(session, httpx.Client)]


def _check_server(host: str, port: int, *, secure: bool, timeout: float) -> None:
    """Check that the server answers, because Chroma's own first request has no timeout."""
    if secure:
        context = ssl.create_default_context()
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, port, timeout=timeout, context=context
        )
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", "/api/v2/heartbeat")
        connection.getresponse().read()
    finally:
        connection.close()
