"""Results of the stores: searches, cache lookups and indexing. They are in no checkpoint."""

from dataclasses import dataclass, field

from memory.errors import MemoryTierError
from memory.models import Episode, Evidence, QueryFacts, Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """An episode found by a search."""

    episode: Episode
    score: float
    """Fused score of vectors, words and neighbours; higher is better, comparable within a search."""
    evidence: Evidence
    part: tuple[int, int]
    """Half-open span, in characters of `Episode.text`, of the part that matched."""
    small_talk: bool = False
    """The part resembles greetings, thanks and the like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """The result of a search of one owner's archive."""

    hits: tuple[Hit, ...]
    """Best first; one hit for each episode."""
    query: QueryFacts = field(default_factory=QueryFacts)
    noise: tuple[float, ...] = ()
    """Noise floor: each null turn's best similarity with this archive, ascending.

    Null turns are small talk and foreign topics; archived small talk is left out.
    """
    waiting: int = 0
    """Turns of the log without vectors, found by words alone."""
    problems: tuple[str, ...] = ()
    """Parts of the search that were late or down."""
    seen: Seen | None = None
    """None when the archive was empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheEntry:
    """A lookup in the session cache."""

    generation: int
    """Generation of the owner's archive at the lookup; pass it to `put`."""
    value: bytes | None
    """None on a miss."""


@dataclass(frozen=True, slots=True)
class IndexProgress:
    """Indexing progress of an owner's vectors, in episodes."""

    owner: str
    done: int
    """Episodes with all their vectors."""
    total: int
    error: MemoryTierError | None = None
    """Error that stopped it."""
    begun: int = 0
    """Episodes with a vector of the message at least."""
