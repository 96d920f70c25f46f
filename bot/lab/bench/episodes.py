"""Documents as episodes: who said what, when and in which thread."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from bot.lab.bench.neutral import Archive, Doc, Query
from memory.models import Episode

LATEST = datetime(2026, 1, 1, tzinfo=UTC)
"""Made-up times end before this, or before the first query that tells its time."""
STEP, PAUSE = timedelta(minutes=1), timedelta(hours=1)
_EXCHANGE = re.compile(
    r"\A(?:user|human|you|me):[ ]?(?P<message>.*?)\n(?:assistant|ai|bot|gpt|model):[ ]?(?P<reply>.*)\Z",
    re.DOTALL | re.IGNORECASE,
)
_LONG = 600
"""Characters from which on what follows the first line is taken for a reply to it."""


def as_episodes(archive: Archive, owner: str) -> list[Episode]:
    """Return each document as an episode; its turn id is `turn_id` of its place in the archive."""
    made_up = _made_up(archive)
    return [
        _episode(doc, owner, number, doc.time or at)
        for number, (doc, at) in enumerate(zip(archive.docs, made_up, strict=True))
    ]


def turn_id(owner: str, number: int) -> str:
    """Return the turn id of an archive's document by its place."""
    return f"{owner}:{number}"


def asked_at(query: Query, episodes: list[Episode]) -> datetime:
    """Return when a query is asked: at its own time, or after the latest document."""
    return query.time or max((episode.at for episode in episodes), default=LATEST) + STEP


def spoken(text: str) -> tuple[str, str]:
    """Split an exchange into message and reply, verbatim.

    An exchange is `user: ...` and a line `assistant: ...`, or a line with a long text under it. Anything else
    is all message.
    """
    if found := _EXCHANGE.match(text):
        return found["message"].rstrip("\n"), found["reply"]
    first, _, rest = text.partition("\n")
    return (first, rest) if first.strip() and len(rest) >= max(_LONG, 2 * len(first)) else (text, "")


def _episode(doc: Doc, owner: str, number: int, at: datetime) -> Episode:
    message, reply = spoken(doc.text)
    return Episode(
        turn_id=turn_id(owner, number),
        owner=owner,
        thread=owner if doc.session is None else f"{owner}:{doc.session}",
        message=message,
        reply=reply,
        at=at,
    )


def _made_up(archive: Archive) -> list[datetime]:
    """Return a time for each document: in their order, one step apart, sessions a pause apart."""
    at = min((query.time for query in archive.queries if query.time), default=LATEST)
    return list(_backwards(archive.docs, at))[::-1]


def _backwards(docs: tuple[Doc, ...], at: datetime) -> Iterator[datetime]:
    later: Doc | None = None
    for doc in reversed(docs):
        at -= STEP if later is None or doc.session == later.session else PAUSE
        later = doc
        yield at
