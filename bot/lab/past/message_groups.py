"""Groups of past turns to measure apart: by language, by kind of message, by size of the archive."""

from collections.abc import Callable, Mapping
from enum import StrEnum

from bot.lab.labelling.past_turns import PastTurn
from memory.text import marks

SIZES = (10, 100, 1000, 10_000)
"""Upper limits of the groups of archive sizes, in turns."""


class Kind(StrEnum):
    """The kind of a message: the first that fits."""

    SMALL_TALK = "small talk"
    FOLLOW_UP = "follow-up"
    """It means nothing without the messages before it."""
    KEY = "names a key"
    TIME = "names a time"
    QUESTION = "question"
    STATEMENT = "statement"


def kind_of(turn: PastTurn) -> Kind:
    """Return the kind of a turn's message, as its search read it."""
    recall = turn.state["recall"]
    found = {
        Kind.SMALL_TALK: recall.query.small_talk,
        Kind.FOLLOW_UP: bool(recall.expanded),
        Kind.KEY: bool(recall.keys),
        Kind.TIME: recall.times is not None,
        Kind.QUESTION: marks.asks(turn.message),
    }
    return next((kind for kind, fits in found.items() if fits), Kind.STATEMENT)


def language_of(turn: PastTurn) -> str:
    """Return the language of a turn's message by its small words; "unknown" in a few words."""
    return marks.language(turn.message) or "unknown"


def size_of(turn: PastTurn) -> str:
    """Return the group of the archive's size at that time."""
    size = turn.state["recall"].query.documents
    limit = next((limit for limit in SIZES if size <= limit), None)
    return f"over {SIZES[-1]:,} turns" if limit is None else f"up to {limit:>6,} turns"


GROUPS: Mapping[str, Callable[[PastTurn], str]] = {
    "language": language_of,
    "kind": kind_of,
    "archive": size_of,
}
"""The groups by name."""
