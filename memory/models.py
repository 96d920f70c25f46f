"""Values that cross a memory boundary. All times are timezone-aware UTC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from memory.provenance import Carrier, Part, Speaker, Spoken

EDIT_OF = "edit of "
"""Prefix of the tag of an edited message, before the turn id of the previous version."""
SUPERSEDED = "edited"
"""Tag of an episode that a later version of its message replaces: it is kept, and not found any more."""
FOREIGN = "foreign"
"""Tag of an episode that repeats a third party's text, or in which a tool read some."""


class Mechanism(StrEnum):
    """How a candidate was found."""

    THEMATIC = "thematic"
    TEMPORAL = "temporal"
    KEY = "key"


class Outcome(StrEnum):
    """How a turn ended."""

    ANSWERED = "answered"
    """The model answered in full."""
    RECALLED = "recalled"
    """No model is configured: the reply lists recalled memories and is not archived as new text."""
    INTERRUPTED = "interrupted"
    """The user or the model broke off the reply; the shown part is kept."""
    FAILED = "failed"
    """The model gave nothing; the message is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode(Spoken):
    """An archived turn, verbatim."""

    turn_id: str
    owner: str
    thread: str
    message: str
    reply: str
    """Empty when the turn got no reply."""
    at: datetime
    tags: tuple[str, ...] = ()
    access_count: int = 0
    """Number of times that it was shown to the model."""
    parts: tuple[Part, ...] = ()
    """Texts that came with the message and are not the owner's words."""
    speaker: Speaker = Speaker.OWNER
    """Author of the message; with a third party, the reply is not the assistant's either."""
    carrier: Carrier = Carrier.TYPED

    @property
    def text(self) -> str:
        """Message, parts and reply as one document, the unit of retrieval."""
        return f"{self.said}\n{self.reply}" if self.reply else self.said

    @property
    def foreign(self) -> bool:
        """True when any of it is a third party's, or was written with a third party's text in the prompt."""
        return self.speaker is Speaker.THIRD_PARTY or self.from_others or FOREIGN in self.tags

    @property
    def edit_of(self) -> str:
        """Id of the turn that this one replaces: its message was edited, or answered anew; else ""."""
        edited = [tag.removeprefix(EDIT_OF) for tag in self.tags if tag.startswith(EDIT_OF)]
        return edited[-1] if edited else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Evidence for an episode's relevance to a query; unknown values are None."""

    lexical: float
    """BM25 score."""
    coverage: float
    """Share of the query's words, weighted by rarity, that the episode holds, in [0, 1]."""
    share: float = 1.0
    """Its score over the best score, in [0, 1]."""
    cosine: float | None = None
    """Similarity of its best part with the query, in [-1, 1]; None without vectors."""
    standing: float | None = None
    """Cosine minus the null turns' mean in this archive, in their standard deviations."""
    surplus: float | None = None
    """Cosine minus that part's mean similarity with null turns, in units of scatter."""
    near: float | None = None
    """Similarity of its best part with the query minus the archive's mean, in units of scatter."""
    said: float | None = None
    """The same for its message alone."""
    keyed: int = 0
    """Number of episodes with the rarest key that it shares with the query; 0 when it shares none."""
    timed: bool = False
    """It is in the query's time range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryFacts:
    """Properties of a query against one archive, independent of the results."""

    documents: int = 0
    """Number of episodes."""
    words: int = 0
    """Distinct words of the query, without stop words."""
    unseen: float = 0.0
    """Share of those words, weighted by rarity, that the archive lacks, in [0, 1]."""
    small_talk: bool = False
    """It resembles greetings, thanks and the like."""
    calls: float | None = None
    """Log-odds that such a message calls for memory, independent of the archive."""
    model: str = ""
    """Embedding model of the evidence; empty without vectors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How much of an archive a search saw; `memory.episodic.search.past_archive` repeats it."""

    episodes: int = 0
    """Sequence number of the latest episode."""
    vectors: int = -1
    """Id of the latest vector; -1 without any."""
    parts: int = 0
    """Number of indexed parts of whole turns."""
    gaps: int = 0
    """Number of episodes up to that vector's that lack vectors; if any, the search cannot be repeated."""
    led_to: Sequence[int] | None = None
    """Sequence numbers found by the vectors, closest first; None when the message had no vector."""
    until: datetime | None = None
    """Only what was said before this time was searched, for an imported message that was asked again.

    None: everything archived.
    """


class SearchStatus(StrEnum):
    """Outcome of one retrieval mechanism's search."""

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
class Candidate(Spoken):
    """An episode found by a mechanism, bounded in size for checkpoints."""

    turn_id: str
    thread: str
    at: datetime
    message: str
    reply: str
    whole: bool
    """False when message or reply were cut to the matching part."""
    mechanism: Mechanism
    rank: int
    """1 is the best."""
    score: float
    """Fused score of vectors, words and neighbours."""
    evidence: Evidence
    small_talk: bool = False
    """It resembles greetings, thanks and the like."""
    foreign: bool = False
    """`foreign` of its episode."""
    parts: tuple[Part, ...] = ()
    speaker: Speaker = Speaker.OWNER
    """Author of the message."""
    edit_of: str = ""
    """The turn of the previous version of its message."""
    access_count: int = 0


class DecisionRule(StrEnum):
    """The rule that kept or cut a candidate; `graph.explain.explanation` has their words."""

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
    SPEAKER = "speaker"
    COMPLEMENT = "complement"
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
    """The decision on a candidate, and its reason."""

    turn_id: str
    kept: bool
    rule: DecisionRule
    """The rule that kept or cut it; docs/memory.md lists them. Compare by `==`: it may be a string."""
    score: float
    threshold: float
    """In the unit of `score`."""
    probability: float
    """Of its relevance, in [0, 1]; with `null` and `ratio`, the share of null turns that it beats."""
    tokens: int = 0
    """Tokens in the prompt."""
    superseded_by: str = ""
    """Turn id of the memory that supersedes it; empty when it is current."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationTurn(Spoken):
    """A turn of a thread in L2."""

    turn_id: str
    message: str
    reply: str
    at: datetime
    evidence: Sequence[str] = ()
    """One line for each tool call of the turn."""
    parts: tuple[Part, ...] = ()
    """Texts that came with the message and are not the owner's words."""
    foreign: bool = False
    """A third party's text came with it, was read by a tool in it, or is repeated in its reply."""
    tokens: int = 0
    """Tokens of message, parts, reply and evidence together."""
    in_vain: Mapping[str, tuple[float, int]] | None = None
    """Recently shown memories that no reply used, by turn id; None in older records.

    Each has its probability at the time, and for how many turns it is not shown again.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A curated fact of an owner at a time."""

    key: str
    value: str
    at: datetime
    """Time of writing."""
