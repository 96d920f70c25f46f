"""Values that cross a memory boundary. All times are timezone-aware UTC."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Mechanism(StrEnum):
    """How a candidate was found."""

    THEMATIC = "thematic"
    TEMPORAL = "temporal"
    KEY = "key"


class Outcome(StrEnum):
    """How a turn's reply came about."""

    ANSWERED = "answered"
    """The model answered in full."""
    RECALLED = "recalled"
    """No model is configured: the reply shows the recalled memories, and is not archived as new text."""
    INTERRUPTED = "interrupted"
    """The reply broke off, by the user's wish or by the model's; what was shown is kept."""
    FAILED = "failed"
    """The model gave nothing; the message is kept all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One turn as it stands in the archive, verbatim."""

    turn_id: str
    owner: str
    thread: str
    message: str
    reply: str
    """Empty when the turn got no reply of its own."""
    at: datetime
    tags: tuple[str, ...] = ()
    access_count: int = 0
    """How often it was shown to the model."""

    @property
    def text(self) -> str:
        """Message and reply as one document, the unit of retrieval."""
        return f"{self.message}\n{self.reply}" if self.reply else self.message


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """An episode found by a search."""

    episode: Episode
    score: float
    """Cosine similarity of its best part with the query, in [-1, 1]; higher is closer."""
    part: tuple[int, int]
    """Half-open span, in characters of `Episode.text`, of the part that matched."""
    small_talk: bool = False
    """That part is like greetings, thanks and the like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What a search of one owner's archive found."""

    hits: tuple[Hit, ...]
    """Closest first; one hit an episode."""
    noise: tuple[float, ...] = ()
    """For each null turn (small talk, foreign topics) the best similarity that it reaches in this archive,
    ascending: what "something always ranks first" looks like here. Archived small talk does not count."""
    small_talk: bool = False
    """The query is like greetings, thanks and the like."""
    complete: bool = True
    """False while turns of the log wait for their vectors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An episode found by a mechanism, bounded in size so that it may stand in a checkpoint."""

    turn_id: str
    thread: str
    at: datetime
    message: str
    reply: str
    whole: bool
    """False when message or reply were cut to the part that matched."""
    mechanism: Mechanism
    rank: int
    """1 is the mechanism's best."""
    score: float
    """The mechanism's own score: cosine similarity for thematic hits."""
    small_talk: bool = False
    """It is like greetings, thanks and the like."""
    access_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What became of a candidate, and why."""

    turn_id: str
    kept: bool
    rule: str
    """The rule that kept or cut it: `null`, `small_talk`, `ratio`, `few`, `echo` or `budget`."""
    score: float
    threshold: float
    """What `score` was held against."""
    probability: float
    """Share of null turns that it beats, in [0, 1]."""
    tokens: int = 0
    """Tokens that it takes in the prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationTurn:
    """One turn of a thread, as L2 keeps it."""

    turn_id: str
    message: str
    reply: str
    at: datetime
    evidence: Sequence[str] = ()
    """One line for each tool call of the turn."""
    tokens: int = 0
    """Tokens of message, reply and evidence together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A curated fact of an owner, as of a time."""

    key: str
    value: str
    at: datetime
    """When this value was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheEntry:
    """What the session cache answered."""

    generation: int
    """The owner's archive generation at the time of reading; hand it back to `put`."""
    value: bytes | None
    """None on a miss."""
