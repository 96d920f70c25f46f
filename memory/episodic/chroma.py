"""Chroma behind `VectorBackend`. Importing this module imports chromadb; see `vectors.connect_chroma`."""

import http.client
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

import chromadb
import httpx
from chromadb import Collection
from chromadb.api import ClientAPI
from chromadb.api.collection_configuration import CreateCollectionConfiguration
from chromadb.api.shared_system_client import SharedSystemClient
from chromadb.config import Settings
from chromadb.errors import NotFoundError
from langchain_chroma import Chroma
from langchain_core.embeddings import Embeddings

from memory.episodic.chroma_errors import translated
from memory.episodic.vectors import TIER, ChromaLocation, Found, Part, Vector
from memory.errors import TierUnavailable

HNSW: CreateCollectionConfiguration = {
    "hnsw": {"space": "cosine", "ef_construction": 200, "ef_search": 200, "max_neighbors": 48}
}
BATCH = 256
NOT_THERE = "goat:catch-up"


def open_chroma(location: ChromaLocation) -> "ChromaVectors":
    """Connect to the server, or open the folder.

    Raises:
        TierUnavailable: the server does not answer, or refuses the token.
        TierCorrupt: the folder cannot be read.
    """
    with translated(location):
        client = _local(location) if location.local else _remote(location)
    return ChromaVectors(client, location)


class GivenVectors(Embeddings):
    """Hand LangChain vectors that were computed elsewhere, to each thread its own."""

    def __init__(self) -> None:
        self._here = threading.local()

    def give(self, vectors: Sequence[Vector]) -> None:
        """Keep the vectors of the texts that this thread writes next."""
        self._here.vectors = [list(vector) for vector in vectors]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return the vectors, one for each of `texts`."""
        vectors: list[list[float]] = self._here.vectors
        if len(texts) != len(vectors):
            raise ValueError(f"{len(vectors)} vectors for {len(texts)} texts")
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """Refuse: searches bring their vector."""
        raise NotImplementedError(text)


class ChromaVectors:
    """Collections of one Chroma, an owner each. No text is kept in them: it stands in the log alone."""

    def __init__(self, client: ClientAPI, location: ChromaLocation) -> None:
        self._client = client
        self._location = location
        self._given = GivenVectors()
        self._open: dict[str, Chroma] = {}
        self._read: dict[str, Collection] = {}

    def upsert(
        self, collection: str, parts: Sequence[Part], vectors: Sequence[Vector], about: dict[str, str | int]
    ) -> None:
        """Write in batches that every Chroma takes."""
        with translated(self._location):
            for start in range(0, len(parts), BATCH):
                some, given = parts[start : start + BATCH], vectors[start : start + BATCH]
                try:
                    self._write(self._open.get(collection) or self._made(collection, about), some, given)
                except NotFoundError:  # dropped meanwhile
                    self._write(self._made(collection, about), some, given)

    def search(self, collection: str, vector: Vector, limit: int) -> list[Found]:
        """Find the closest parts, closest first."""
        with self._reading(collection):
            query: list[Sequence[float] | Sequence[int]] = [list(vector)]
            found = self._collection(collection).query(query, n_results=limit, include=["distances"])
            ids, distances = found["ids"][0], (found["distances"] or [[]])[0]
            return [_found(*record) for record in zip(ids, distances, strict=True)]
        return []

    def count(self, collection: str) -> int:
        """Count the records."""
        with self._reading(collection):
            return self._collection(collection).count()
        return 0

    def forget(self, collection: str, turn_ids: Sequence[str]) -> None:
        """Delete the records of these episodes."""
        with self._reading(collection):
            self._store(collection).delete(where={"turn_id": {"$in": list(turn_ids)}})

    def drop(self, collection: str) -> None:
        """Delete the collection, if it is there."""
        self._let_go(collection)
        with self._reading(collection):
            self._client.delete_collection(collection)

    def catch_up(self, collection: str) -> None:
        """Write something that changes nothing: only then does a local Chroma search what others wrote."""
        if self._location.local:
            with self._reading(collection):
                self._store(collection).delete([NOT_THERE])

    def close(self) -> None:
        """Let go of the client, and of the folder's files with the last one."""
        self._open.clear()
        self._read.clear()
        for session in _sessions(self._client):
            session.close()
        close = getattr(self._client, "close", None)
        if close is not None:
            close()

    def _write(self, store: Chroma, parts: Sequence[Part], vectors: Sequence[Vector]) -> None:
        self._given.give(vectors)
        about = [{"turn_id": part.turn_id} for part in parts]
        store.add_texts([""] * len(parts), about, [part.record_id for part in parts])

    def _made(self, collection: str, about: dict[str, str | int]) -> Chroma:
        made = self._open[collection] = Chroma(
            collection,
            self._given,
            client=self._client,
            collection_metadata=about,
            collection_configuration=HNSW,
        )
        return made

    def _collection(self, collection: str) -> Collection:
        """Return the collection itself: LangChain's search reads texts and metadata, which nobody needs."""
        found = self._read.get(collection)
        if found is None:
            found = self._read[collection] = self._client.get_collection(collection, embedding_function=None)
        return found

    def _store(self, collection: str) -> Chroma:
        found = self._open.get(collection)
        if found is None:
            found = self._open[collection] = Chroma(
                collection, self._given, client=self._client, create_collection_if_not_exists=False
            )
        return found

    @contextmanager
    def _reading(self, collection: str) -> Iterator[None]:
        try:
            with translated(self._location):
                yield
        except NotFoundError:
            self._let_go(collection)

    def _let_go(self, collection: str) -> None:
        self._open.pop(collection, None)
        self._read.pop(collection, None)


def _found(record_id: str, distance: float) -> Found:
    return Found(record_id.rpartition("#")[0], min(1.0, max(-1.0, 1.0 - distance)))


def _local(location: ChromaLocation) -> ClientAPI:
    location.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        return chromadb.PersistentClient(location.folder, settings=Settings(anonymized_telemetry=False))
    except BaseException:  # Chroma would hand out its half-open engine from then on
        SharedSystemClient._identifier_to_system.pop(str(location.folder), None)
        raise


def _remote(location: ChromaLocation) -> ClientAPI:
    url = urlsplit(location.url.get_secret_value())
    if url.scheme not in ("http", "https") or not url.hostname:
        raise TierUnavailable(TIER, f"{location} is no address of a Chroma server, as in http://host:8000")
    secure = url.scheme == "https"
    port = url.port or (443 if secure else 8000)
    _knock(url.hostname, port, secure=secure, timeout=location.timeout)
    token = url.username or ""
    headers = {"Authorization": f"Bearer {unquote(token)}"} if token else {}
    settings = Settings(anonymized_telemetry=False)
    client = chromadb.HttpClient(url.hostname, port, secure, headers, settings)
    for session in _sessions(client):
        session.timeout = httpx.Timeout(location.timeout)
    return client


def _sessions(client: ClientAPI) -> list[httpx.Client]:
    """Reach the connections to a server: Chroma sets no time limit on them, and never closes them."""
    servers = [getattr(part, "_server", None) for part in (client, getattr(client, "_admin_client", None))]
    sessions = [getattr(server, "_session", None) for server in servers]
    return [session for session in sessions if isinstance(session, httpx.Client)]


def _knock(host: str, port: int, *, secure: bool, timeout: float) -> None:
    """See that somebody answers: Chroma's own client waits for ever for its first answer."""
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
