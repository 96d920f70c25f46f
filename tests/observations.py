"""Sample observations."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from memory.models import DecisionRule, Evidence, Mechanism, Outcome, SearchReport, SearchStatus
from memory.observation.observation import Judged, Observation, RecordedCall, RecordedGrounding, Shares

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


def observation(turn_id: str = "t1", **changes: Any) -> Observation:
    """Return an observation with a value in every field."""
    judged = Judged(
        turn_id="t0",
        mechanism=Mechanism.THEMATIC,
        rank=1,
        rule=DecisionRule.CALIBRATED,
        kept=True,
        score=0.9123,
        threshold=0.5,
        probability=0.9123,
        tokens=42,
        evidence=Evidence(lexical=3.2, coverage=0.5, cosine=0.71),
    )
    whole = Observation(
        turn_id=turn_id,
        owner="ana",
        thread="1",
        at=AT,
        outcome=Outcome.ANSWERED,
        shares=Shares(confidence=0.2, complexity=0.1, total=3000, fixed=200, l2_used=300, l3_used=42),
        stages={"prefetch": 30.0, "respond": 900.0},
        milliseconds=930.0,
        searches={"thematic": SearchReport(status=SearchStatus.OK, found=1, milliseconds=29.5)},
        tiers_down=[],
        candidates=3,
        relevant=2,
        used=1,
        decisions=[judged],
        model="test",
        model_seconds=0.9,
        calls=[
            RecordedCall(name="fetch_content", ok=True, milliseconds=12.0),
            RecordedCall(name="shell_run", ok=False),
        ],
        rounds=1,
        grounding=RecordedGrounding(unsupported=1, corrected=True),
        thresholds={"gap_threshold": 0.5, "gap_rule": "calibrated"},
    )
    return replace(whole, **changes)
