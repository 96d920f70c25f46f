"""What Chroma raises, in words that say what to do."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from chromadb.errors import ChromaAuthError, ChromaError, InternalError, InvalidArgumentError, NotFoundError

from memory.episodic.vectors import TIER, ChromaLocation
from memory.errors import EmbeddingMismatch, MemoryTierError, TierCorrupt, TierUnavailable

BROKEN = ("code: 26", "code: 11)", "malformed", "hnsw", "pickle", "backfill", "Error finding id", "panic")


@contextmanager
def translated(location: ChromaLocation) -> Iterator[None]:
    """Turn what Chroma raises into the errors of the episodic tier; a mistake in the code stays one."""
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
    """Say what went wrong and the way out; None when it is a mistake in the code.

    Chroma's Rust core panics as a BaseException, its client raises bare ValueError when nobody answers.
    """
    text = str(error)
    if isinstance(error, InvalidArgumentError) and "dimension" in text:
        return EmbeddingMismatch(TIER, f"{text}; run `goat reindex`, or go back to the model of before")
    if isinstance(error, ChromaAuthError) or "Unauthorized" in text or "Forbidden" in text:
        return TierUnavailable(
            TIER, f"{location} refused the token; put it into GOAT_CHROMA_URL, as in https://TOKEN@host:port"
        )
    panicked = type(error).__name__ == "PanicException"
    if location.local and (panicked or _is_broken(error)):
        way_out = "delete that folder; it is rebuilt from the log of episodes"
        return TierCorrupt(TIER, f"{location} cannot be read ({text}); {way_out}")
    unreachable = (httpx.HTTPError, http.client.HTTPException, OSError, ChromaError)
    if isinstance(error, unreachable) or "connect to a Chroma server" in text or type(error) is Exception:
        return TierUnavailable(TIER, f"Chroma at {location} cannot be used ({text or type(error).__name__})")
    return None


def _is_broken(error: BaseException) -> bool:
    return isinstance(error, InternalError) and any(sign in str(error) for sign in BROKEN)
