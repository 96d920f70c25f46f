"""`VectorBackend` on Chroma. Importing this module imports chromadb; see `vector_index.connect_chroma`."""

import http.client
import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx
from chromadb.api.collection_configuration import CreateCollectionConfiguration
from chromadb.base_types import InclusionExclusionOperator, LiteralValue
from chromadb.errors import ChromaAuthError, ChromaError, InternalError, InvalidArgumentError, NotFoundError
from langchain_chroma import Chroma
from langchain_core.embeddings import Embeddings

from memory.episodic.vectors.chroma_collections import ChromaClient, OpenCollections
from memory.episodic.vectors.vector_backend import TIER, ChromaLocation, Chunk, Found, Vector
from memory.errors import EmbeddingMismatch, MemoryTierError, TierCorrupt, TierUnavailable

HNSW: CreateCollectionConfiguration = {
    "hnsw": {"space": "cosine", "ef_construction": 200, "ef_search": 200, "max_neighbors": 48}
}
BATCH = 256
NOT_THERE = "goat:catch-up"
BROKEN = ("code: 26", "code: 11)", "malformed", "hnsw", "pickle", "backfill", "Error finding id", "panic")


def open_chroma(location: ChromaLocation) -> "ChromaVectors":
    """Connect to the server, or open the folder.

    Raises:
        TierUnavailable: the server does not answer, or refuses the token.
        TierCorrupt: the folder cannot be read.
    """
    with translate_errors(location):
        return ChromaVectors(OpenCollections(location), location)


class PrecomputedEmbeddings(Embeddings):
    """Passes precomputed vectors to LangChain, separately for each thread."""

    def __init__(self) -> None:
        self._here = threading.local()

    def set_vectors(self, vectors: Sequence[Vector]) -> None:
        """Set the vectors of the texts that this thread writes next."""
        self._here.vectors = [list(vector) for vector in vectors]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return the vectors that were set, one for each of `texts`."""
        vectors: list[list[float]] = self._here.vectors
        if len(texts) != len(vectors):
            raise ValueError(f"{len(vectors)} vectors for {len(texts)} texts")
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """Raise: searches bring their own vector."""
        raise NotImplementedError(text)


class ChromaVectors:
    """One Chroma collection per owner. It holds no texts; those are only in the log."""

    def __init__(self, collections: OpenCollections, location: ChromaLocation) -> None:
        self._collections = collections
        self._location = location
        self._embeddings = PrecomputedEmbeddings()

    def upsert(
        self, collection: str, parts: Sequence[Chunk], vectors: Sequence[Vector], about: dict[str, str | int]
    ) -> None:
        """Write in batches of a size that every Chroma server accepts."""
        with translate_errors(self._location), self._collections.client(collection) as client:
            for start in range(0, len(parts), BATCH):
                some, given = parts[start : start + BATCH], vectors[start : start + BATCH]
                try:
                    found = client.stores.get(collection) or self._create(client, collection, about)
                    self._write(found, some, given)
                except NotFoundError:  # dropped by another process
                    self._write(self._create(client, collection, about), some, given)

    def search(self, collection: str, vector: Vector, limit: int) -> list[Found]:
        """Return the closest parts, closest first."""
        with self._existing(collection) as client:
            query: list[Sequence[float] | Sequence[int]] = [list(vector)]
            found = client.collection(collection).query(query, n_results=limit, include=["distances"])
            ids, distances = found["ids"][0], (found["distances"] or [[]])[0]
            return [_to_found(*record) for record in zip(ids, distances, strict=True)]
        return []

    def count(self, collection: str) -> int:
        with self._existing(collection) as client:
            return client.collection(collection).count()
        return 0

    def forget(self, collection: str, turn_ids: Sequence[str]) -> None:
        """Delete the records of the given episodes."""
        with self._existing(collection) as client:
            among: dict[InclusionExclusionOperator, list[LiteralValue]] = {"$in": [*turn_ids]}
            client.collection(collection).delete(where={"turn_id": among})

    def drop(self, collection: str) -> None:
        """Delete the collection, if it exists."""
        with self._existing(collection) as client:
            client.forget(collection)
            client.api.delete_collection(collection)

    def catch_up(self, collection: str) -> None:
        """Do a write without effect: a local Chroma reads other processes' changes only when it writes."""
        if self._location.local:
            with self._existing(collection) as client:
                client.collection(collection).delete([NOT_THERE])

    def names(self) -> set[str]:
        """List the collections in pages of a size that every Chroma server accepts."""
        names = set[str]()
        with translate_errors(self._location), self._collections.client() as client:
            for offset in itertools.count(0, BATCH):
                found = client.api.list_collections(BATCH, offset)
                names.update(collection.name for collection in found)
                if len(found) < BATCH:
                    break
        return names

    def close(self) -> None:
        """Close the clients; the last one closes the folder's files."""
        self._collections.close()

    def _write(self, store: Chroma, parts: Sequence[Chunk], vectors: Sequence[Vector]) -> None:
        self._embeddings.set_vectors(vectors)
        about = [{"turn_id": part.turn_id} for part in parts]
        store.add_texts([""] * len(parts), about, [f"{part.turn_id}#{part.number}" for part in parts])

    def _create(self, client: ChromaClient, collection: str, about: dict[str, str | int]) -> Chroma:
        store = client.stores[collection] = Chroma(
            collection,
            self._embeddings,
            client=client.api,
            collection_metadata=about,
            collection_configuration=HNSW,
        )
        return store

    @contextmanager
    def _existing(self, collection: str) -> Iterator[ChromaClient]:
        with translate_errors(self._location), self._collections.client(collection) as client:
            try:
                yield client
            except NotFoundError:
                client.forget(collection)


def _to_found(record_id: str, distance: float) -> Found:
    return Found(record_id.rpartition("#")[0], min(1.0, max(-1.0, 1.0 - distance)))


@contextmanager
def translate_errors(location: ChromaLocation) -> Iterator[None]:
    """Turn Chroma's errors into those of the episodic tier; programming errors pass unchanged."""
    try:
        yield
    except (MemoryTierError, NotFoundError):
        raise
    except BaseException as error:
        named = _named(error, location)
        if named is None:
            raise
        raise named from error


def _named(error: BaseException, location: ChromaLocation) -> MemoryTierError | None:
    """Return the tier error that says what to do; None for a programming error.

    Chroma's Rust core panics as a BaseException; its client raises a bare ValueError when no server answers.
    """
    text = str(error)
    if isinstance(error, InvalidArgumentError) and "dimension" in text:
        return EmbeddingMismatch(TIER, f"{text}; run `goat reindex`, or go back to the model of before")
    if isinstance(error, ChromaAuthError) or "Unauthorized" in text or "Forbidden" in text:
        return TierUnavailable(
            TIER, f"{location} refused the token; put it into GOAT_CHROMA_URL, as in https://TOKEN@host:port"
        )
    panicked = type(error).__name__ == "PanicException"
    broken = isinstance(error, InternalError) and any(sign in text for sign in BROKEN)
    if location.local and (panicked or broken):
        way_out = "delete that folder; it is rebuilt from the log of episodes"
        return TierCorrupt(TIER, f"{location} cannot be read ({text}); {way_out}")
    unreachable = (httpx.HTTPError, http.client.HTTPException, OSError, ChromaError)
    if isinstance(error, unreachable) or "connect to a Chroma server" in text or type(error) is Exception:
        return TierUnavailable(TIER, f"Chroma at {location} cannot be used ({text or type(error).__name__})")
    return None
