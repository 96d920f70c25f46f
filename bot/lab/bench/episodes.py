"""Conversion of documents to episodes."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from bot.lab.bench.neutral import Archive, Doc, Query
from memory.models import Episode

LATEST = datetime(2026, 1, 1, tzinfo=UTC)
"""Invented times end before this, or before the first query that has a time."""
STEP, PAUSE = timedelta(minutes=1), timedelta(hours=1)
_EXCHANGE = re.compile(
    r"\A(?:user|human|you|me):[ ]?(?P<message>.*?)\n(?:assistant|ai|bot|gpt|model):[ ]?(?P<reply>.*)\Z",
    re.DOTALL | re.IGNORECASE,
)
_LONG = 600
"""Minimum characters after the first line to count as the reply to it."""


def as_episodes(archive: Archive, owner: str) -> list[Episode]:
    """Return each document as an episode."""
    made_up = _invented_times(archive)
    return [
        _episode(doc, owner, number, doc.time or at)
        for number, (doc, at) in enumerate(zip(archive.docs, made_up, strict=True))
    ]


def query_time(query: Query, episodes: Sequence[Episode]) -> datetime:
    """Return a query's time: its own, or after the latest document."""
    return query.time or max((episode.at for episode in episodes), default=LATEST) + STEP


def split_exchange(text: str) -> tuple[str, str]:
    """Split an exchange into message and reply, verbatim.

    An exchange is `user: ...` and a line `assistant: ...`, or a line followed by a long text. Any other text
    is all message.
    """
    if found := _EXCHANGE.match(text):
        return found["message"].rstrip("\n"), found["reply"]
    first, _, rest = text.partition("\n")
    return (first, rest) if first.strip() and len(rest) >= max(_LONG, 2 * len(first)) else (text, "")


def _episode(doc: Doc, owner: str, number: int, at: datetime) -> Episode:
    message, reply = split_exchange(doc.text)
    return Episode(
        turn_id=f"{owner}:{number}",
        owner=owner,
        thread=owner if doc.session is None else f"{owner}:{doc.session}",
        message=message,
        reply=reply,
        at=at,
    )


def _invented_times(archive: Archive) -> list[datetime]:
    """Return a time for each document, in order: one step apart, sessions a pause apart."""
    at = min((query.time for query in archive.queries if query.time), default=LATEST)
    return list(_backwards(archive.docs, at))[::-1]


def _backwards(docs: tuple[Doc, ...], at: datetime) -> Iterator[datetime]:
    later: Doc | None = None
    for doc in reversed(docs):
        at -= STEP if later is None or doc.session == later.session else PAUSE
        later = doc
        yield at
