"""A memory with plain fields; tests replace those that they are about."""

from datetime import UTC, datetime

from memory.models import Candidate, Evidence, Mechanism

BARE = Candidate(
    turn_id="t",
    thread="1",
    at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    message="m",
    reply="r",
    whole=True,
    mechanism=Mechanism.THEMATIC,
    rank=1,
    score=0.5,
    evidence=Evidence(lexical=0, coverage=0),
)
