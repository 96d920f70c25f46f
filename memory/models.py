"""Values that cross a memory boundary. All times are timezone-aware UTC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from memory.errors import MemoryTierError
from memory.provenance import Carrier, Part, Speaker, Spoken

EDIT_OF = "edit of "
"""How the tag of an edited message begins; the turn id of the version before it follows."""
FOREIGN = "foreign"
"""The tag of an episode that repeats a third party's text, or in whose turn a tool read some."""


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
class Episode(Spoken):
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
    parts: tuple[Part, ...] = ()
    """What came with the message and is not the owner's own word."""
    speaker: Speaker = Speaker.OWNER
    """Who says the message; where that is a third party, the reply is no word of the assistant's either."""
    carrier: Carrier = Carrier.TYPED

    @property
    def text(self) -> str:
        """All that was said, and the reply, as one document, the unit of retrieval."""
        return f"{self.said}\n{self.reply}" if self.reply else self.said

    @property
    def foreign(self) -> bool:
        """Whether any of it is a third party's, or was said in view of what a tool read outside."""
        return self.speaker is Speaker.THIRD_PARTY or self.from_others or FOREIGN in self.tags


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What speaks for an episode's relevance to a query; what is not known is None."""

    lexical: float
    """BM25 score."""
    coverage: float
    """Share of the query's words, weighted by rarity, that stand in it, in [0, 1]."""
    share: float = 1.0
    """Its score over the best one's, in [0, 1]."""
    cosine: float | None = None
    """Similarity of its best part with the query, in [-1, 1]; None when there were no vectors."""
    standing: float | None = None
    """How far the cosine lies above what null turns reach in this archive, in their standard deviations."""
    surplus: float | None = None
    """How far the cosine lies above that part's mean similarity with null turns, in units of scatter."""
    near: float | None = None
    """How far it is nearer to the query than the archive is, in units of scatter, by its best part."""
    said: float | None = None
    """The same, by its message alone."""
    keyed: int = 0
    """How many episodes hold the rarest key that it shares with the query; 0 when it shares none."""
    timed: bool = False
    """It lies in the time that the query speaks of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryFacts:
    """What is known of a query against one archive, whatever it finds there."""

    documents: int = 0
    """How many episodes there are."""
    words: int = 0
    """How many distinct words the query has, stop words apart."""
    unseen: float = 0.0
    """Share of those words, weighted by rarity, that stand nowhere in the archive, in [0, 1]."""
    small_talk: bool = False
    """It is like greetings, thanks and the like."""
    calls: float | None = None
    """Log-odds that a message like it calls for memory, whatever the archive holds."""
    model: str = ""
    """The embedding model that the evidence comes from; empty without vectors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How much of an archive a search saw; `memory.episodic.search.past_archive` repeats it."""

    episodes: int = 0
    """Sequence number of the latest episode."""
    vectors: int = -1
    """Id of the latest vector beside it; -1 when there was none."""
    parts: int = 0
    """How many parts of whole turns were indexed."""
    led_to: Sequence[int] | None = None
    """Sequence numbers that the vectors led to, closest first; None when the message had no vector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """An episode found by a search."""

    episode: Episode
    score: float
    """What vectors, words and neighbours say together; higher is better, comparable within one search."""
    evidence: Evidence
    part: tuple[int, int]
    """Half-open span, in characters of `Episode.text`, of the part that matched."""
    small_talk: bool = False
    """That part is like greetings, thanks and the like."""


class SearchStatus(StrEnum):
    """What became of one retrieval mechanism's search."""

    OK = "ok"
    CACHED = "cached"
    """Its results were read from the session cache."""
    PARTIAL = "partial"
    LATE = "late"
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchReport:
    """The result of one retrieval mechanism, in numbers."""

    status: SearchStatus
    found: int = 0
    milliseconds: float = 0.0
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What a search of one owner's archive found."""

    hits: tuple[Hit, ...]
    """Best first; one hit an episode."""
    query: QueryFacts = field(default_factory=QueryFacts)
    noise: tuple[float, ...] = ()
    """For each null turn (small talk, foreign topics) the best similarity that it reaches in this archive,
    ascending: what "something always ranks first" looks like here. Archived small talk does not count."""
    waiting: int = 0
    """Turns of the log that wait for their vectors: they are found by words alone."""
    problems: tuple[str, ...] = ()
    """What was late or down, when the rest was found without it."""
    seen: Seen | None = None
    """None when the archive was empty."""

    @property
    def complete(self) -> bool:
        """Whether every turn of the log has its vectors."""
        return not self.waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate(Spoken):
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
    """1 is the best of all."""
    score: float
    """What vectors, words and neighbours say together."""
    evidence: Evidence
    small_talk: bool = False
    """It is like greetings, thanks and the like."""
    foreign: bool = False
    """As of its episode."""
    parts: tuple[Part, ...] = ()
    speaker: Speaker = Speaker.OWNER
    """Who says its message."""
    edit_of: str = ""
    """The turn whose message it is a later version of."""
    access_count: int = 0


class DecisionRule(StrEnum):
    """The rule that kept or cut a candidate; `graph.explain.reasons` has their words."""

    CALL = "call"
    NO_CALL = "no_call"
    WEAKER = "weaker"
    FURTHER = "further"
    CALIBRATED = "calibrated"
    BREAK = "break"
    NULL = "null"
    RATIO = "ratio"
    FEW = "few"
    KEY = "key"
    TIME = "time"
    CARRIED = "carried"
    NEWER = "newer"
    SMALL_TALK = "small_talk"
    DUPLICATE = "duplicate"
    FACT = "fact"
    UNUSED = "unused"
    ECHO = "echo"
    BUDGET = "budget"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What became of a candidate, and why."""

    turn_id: str
    kept: bool
    rule: DecisionRule
    """The rule that kept or cut it; docs/memory.md lists them. Compare by `==`: it may be a string."""
    score: float
    threshold: float
    """What `score` was held against, in the same unit."""
    probability: float
    """That it is relevant, in [0, 1]; of `null` and `ratio` the share of null turns that it beats."""
    tokens: int = 0
    """Tokens that it takes in the prompt."""
    superseded_by: str = ""
    """Turn id of a memory that says its matter anew; empty when it is not out of date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationTurn(Spoken):
    """One turn of a thread, as L2 keeps it."""

    turn_id: str
    message: str
    reply: str
    at: datetime
    evidence: Sequence[str] = ()
    """One line for each tool call of the turn."""
    parts: tuple[Part, ...] = ()
    """What came with the message and is not the owner's own word."""
    foreign: bool = False
    """A third party's text came with it, was read by a tool in it, or is repeated in its reply."""
    tokens: int = 0
    """Tokens of message, parts, reply and evidence together."""
    in_vain: Mapping[str, tuple[float, int]] | None = None
    """Memories shown of late that no reply made use of, by turn id: the probability that each was shown
    with, and for how many turns it is not shown again. None: not noted then."""


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


@dataclass(frozen=True, slots=True)
class IndexProgress:
    """How far an owner's vectors have come, in episodes."""

    owner: str
    done: int
    """Have all their vectors."""
    total: int
    error: MemoryTierError | None = None
    """Why it went no further."""
    begun: int = 0
    """Have a vector of what the person said, at least."""
