"""A message as a query, and the mechanisms that retrieve episodes in addition to meaning and words.

To add one, write a class here, list it in `MECHANISMS`, and give it a name and a field in `memory.models`.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, ClassVar, Self, TypeVar

from memory.database import Database, to_micros
from memory.lexical.analysis import query_terms
from memory.lexical.languages import identifier
from memory.lexical.structural_keys import find_keys
from memory.models import Episode, Evidence, Mechanism
from memory.temporal import written_dates as dates
from memory.temporal.tense import warm_up as warm_up_tenses
from memory.temporal.time_finder import find_range

QUERY_CHARS = 4000
"""Characters of a message that are used for the search."""
FEW = 3
"""Most words, without stop words, of a message with a pronoun that is expanded."""
BEFORE = 2
"""Earlier messages of the thread that are prepended."""
BEFORE_CHARS = 400
"""Characters taken from each of them."""

Watch = Callable[[Mechanism, Awaitable[Any]], Awaitable[Any]]
"""Awaits a mechanism's search, and returns its result."""
WATCH: ContextVar[Watch | None] = ContextVar("watch", default=None)
"""Observes each mechanism's search; with None, words, times and keys share one read, which is fastest."""

MOST_KEYED = 50
"""Latest episodes for one key."""
MOST_TIMED = 1000
"""Latest episodes for one time range."""
IN_TIME = 1.5
"""Score factor of an episode in the query's time range."""
_KEYS_NAMED = 4

_BEGINNINGS = (
    "and|but|so|then|or|what about|how about|yes|no|ok|okay|the other",
    "si|și|dar|iar|pai|păi|deci|sau|atunci|da|nu|cum asa|cum așa",
)
_POINTERS = (
    "it|that|those|these|he|she|him|her|his|hers|they|them|their|one|ones|same|else",
    "el|ea|ei|ele|lui|lor|asta|ăsta|astea|ăștia|aia|ăla|alea|ăia|acela|aceea|aceia|acelea|acolo",
    "acesta|aceasta|acestea|aceștia|acestia|altul|alta|celalalt|celălalt|cealalta|cealaltă",
)
_POINTS_BACK = re.compile(rf"^\W*(?:{'|'.join(_BEGINNINGS)})\b|\b(?:{'|'.join(_POINTERS)})\b", re.IGNORECASE)
_ABOUT_TALK = re.compile(
    r"""\b(?:what|did|we|you|i|me|talk\w*|discuss\w*|say|saying|said|tell|telling|told|ask\w*|chat\w*|speak|spoke|mention\w*|about
    |conversation\w*|summari[sz]e|recap|remind|remember|do|have|been|so|anything|everything|else|to|with
    |ce|am|ai|ati|ați|a|mi|ti|ți|ne|vorbi\w*|discuta\w*|zis|spus|intreba\w*|întreba\w*|povesti\w*|despre|noi|tu|eu
    |mai|si|și|tot|conversati\w*|conversați\w*|rezum\w*|aminte\w*|iti|îți|cu|ți-am|ti-am|mi-ai|imi|îmi)\b""",
    re.IGNORECASE | re.VERBOSE,
)


class Retriever(ABC):
    """A mechanism, with what it looks for."""

    name: ClassVar[Mechanism]
    field: ClassVar[str]
    """Its field of `Evidence`, which is false for an episode that it did not find."""
    label: ClassVar[str]
    """Its name for people."""
    caption: ClassVar[str]
    absent: ClassVar[str]
    """For people: why a message has nothing to look for."""
    factor: ClassVar[float] = 1.0
    """Score factor of the episodes that it finds."""

    @classmethod
    @abstractmethod
    def read(cls, message: str, *, now: datetime, zone: tzinfo) -> Self | None:
        """Read from a message what to look for; None without anything."""

    @abstractmethod
    def find(self, db: Database) -> Mapping[int, int]:
        """Return the evidence for each episode of an owner's file that it finds, by sequence number."""

    def evidence(self, found: int, episode: Episode) -> int:  # noqa: ARG002 - others look at the episode
        """Return the evidence for an episode; `found` is what `find` returned for it, or 0."""
        return found

    @property
    @abstractmethod
    def sought(self) -> str:
        """What it looks for, for people."""


@dataclass(frozen=True, slots=True)
class Times(Retriever):
    """Episodes of a past time, half-open."""

    start: datetime
    end: datetime
    text: str = ""
    """The words that name it."""
    alone: bool = False
    """The message names a time and no subject."""

    name = Mechanism.TEMPORAL
    field = "timed"
    label = "time"
    caption = "by the past time it mentions"
    absent = "the message names no past time"
    factor = IN_TIME

    @classmethod
    def read(cls, message: str, *, now: datetime, zone: tzinfo) -> Self | None:
        """Read the first past time that a message names."""
        found = find_range(message, now=now, zone=zone)
        if found is None:
            return None
        rest = _ABOUT_TALK.sub(" ", message.replace(found.text, " "))
        return cls(found.start, found.end, found.text, alone=not query_terms(rest))

    def find(self, db: Database) -> Mapping[int, int]:
        """Find the latest episodes of that time."""
        sql = "SELECT seq FROM episodes WHERE at >= ? AND at < ? ORDER BY at DESC, seq DESC LIMIT ?"
        found = db.execute(sql, (to_micros(self.start), to_micros(self.end), MOST_TIMED))
        return {seq: True for (seq,) in found}

    def evidence(self, found: int, episode: Episode) -> int:  # noqa: ARG002 - `find` is bounded
        """Return True for an episode of that time."""
        return self.start <= episode.at < self.end

    @property
    def sought(self) -> str:
        """The words, and the days that they mean."""
        return f"“{self.text}” from {self.start.date()} to {self.end.date()}"


@dataclass(frozen=True, slots=True)
class Keys(Retriever):
    """Episodes that contain an identifier; the evidence is how many contain their rarest one."""

    keys: Sequence[str]
    """As `find_keys` normalises them."""

    name = Mechanism.KEY
    field = "keyed"
    label = "key"
    caption = "by identifiers, exactly"
    absent = "the message has no identifier"

    @classmethod
    def read(cls, message: str, *, now: datetime, zone: tzinfo) -> Self | None:  # noqa: ARG003
        """Read the structural keys of a message."""
        keys = find_keys(message[:QUERY_CHARS])
        return cls(tuple(keys)) if keys else None

    def find(self, db: Database) -> Mapping[int, int]:
        """Find the latest episodes with each key."""
        sql = "SELECT seq FROM keys WHERE key = ? ORDER BY seq DESC LIMIT ?"
        found: dict[int, int] = {}
        for key in self.keys:
            seqs = [int(seq) for (seq,) in db.execute(sql, (key, MOST_KEYED))]
            found.update({seq: min(len(seqs), found.get(seq, len(seqs))) for seq in seqs})
        return found

    @property
    def sought(self) -> str:
        """The first keys."""
        return ", ".join(self.keys[:_KEYS_NAMED])


MECHANISMS: tuple[type[Retriever], ...] = (Times, Keys)
"""In rising priority: a candidate is named after the last one that found it."""
T = TypeVar("T", bound=Retriever)


def found_by(evidence: Evidence) -> Mechanism:
    """Return the mechanism that a candidate is named after."""
    found = (one.name for one in reversed(MECHANISMS) if getattr(evidence, one.field))
    return next(found, Mechanism.THEMATIC)


def count_found(name: Mechanism, found: Sequence[Evidence]) -> int:
    """Count the episodes that a mechanism found."""
    fields = {one.name: one.field for one in MECHANISMS}
    return sum(bool(getattr(one, fields[name])) for one in found) if name in fields else len(found)


@dataclass(frozen=True, slots=True)
class ArchiveQuery:
    """A message as a query of the archive."""

    text: str
    """The text to search for."""
    by: tuple[Retriever, ...] = ()
    """The mechanisms that have something to look for."""

    def sought(self, kind: type[T]) -> T | None:
        """Return what one mechanism looks for."""
        return next((one for one in self.by if isinstance(one, kind)), None)


def warm_up() -> None:
    """Load all that the first query needs, blocking: language model, stemmers, date and tense words."""
    identifier()
    dates.warm_up()
    query_terms("și 漢字")
    find_range("what did we say last week?", now=datetime.now(UTC), zone=UTC)
    warm_up_tenses()


def read_query(message: str, *, before: Sequence[str], now: datetime, zone: tzinfo) -> ArchiveQuery:
    """Read a message written at `now` (aware) in `zone`; `before` has its author's earlier ones, in order."""
    text = expand(message[:QUERY_CHARS], before)
    read = [one.read(message, now=now, zone=zone) for one in MECHANISMS]
    return ArchiveQuery(text[-QUERY_CHARS:], tuple(one for one in read if one is not None))


def is_fragment(message: str) -> bool:
    """Return whether a message makes sense only with the messages before it."""
    words = len(query_terms(message))
    return words == 0 or (words <= FEW and _POINTS_BACK.search(message) is not None)


def expand(message: str, before: Sequence[str]) -> str:
    """Return the search text: the message, with the last of those `before` it prepended if it is a fragment.

    Args:
        message: the new message.
        before: earlier messages of its author in the thread, oldest first.
    """
    if not before or not is_fragment(message):
        return message
    lines = [line[:BEFORE_CHARS] for line in before[-BEFORE:]]
    return "\n".join([*lines, message])
