"""The turns that words, a time or the conversation name, for /forget."""

import asyncio
from datetime import UTC, datetime, timedelta, tzinfo

from graph.layers import Layers
from memory.models import Episode
from memory.recall.mechanisms import Times
from memory.text.marks import folded

CONVERSATION = {"conversation", "this conversation", "conversatia", "conversatia asta", "discutia"}
TODAY = {"today", "azi", "astazi"}
MOST_FOUND = 8
"""Maximum number of turns found by words: one button each, as many as Telegram shows side by side."""
_POOL = 200
"""Number of best matches, of which those with the words, in the named time, are kept."""


async def find_turns(layers: Layers, subject: str, *, owner: str, thread: str) -> list[Episode]:
    """Return the turns of a thread or a past time, oldest first, or those with the words, best first."""
    if folded(subject).strip() in CONVERSATION:
        return [one async for one in layers.episodes.all(owner=owner) if one.thread == thread]
    time = await asyncio.to_thread(_read_time, subject, datetime.now(UTC), layers.zone)
    if time is not None and time.alone:
        return [one async for one in layers.episodes.all(owner=owner) if time.start <= one.at < time.end]
    result = await layers.episodes.search(subject, owner=owner, limit=_POOL)
    found = [hit.episode for hit in result.hits if hit.evidence.lexical]
    return [one for one in found if time is None or time.start <= one.at < time.end][:MOST_FOUND]


def _read_time(subject: str, now: datetime, zone: tzinfo) -> Times | None:
    if folded(subject).strip() in TODAY:
        start = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
        return Times(start, start + timedelta(days=1), alone=True)
    return Times.read(subject, now=now, zone=zone)
