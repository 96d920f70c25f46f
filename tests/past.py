"""Past turns whose memories have chosen probabilities, for tests of labelling and tuning."""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.lab.past.past_turns import PastTurn
from graph.state.turn_state import Conversation, FactSheet, Persona, Recall, State, Turn
from memory.models import Candidate, Evidence, QueryFacts
from memory.recall.relevance import Calibration, Logistic
from nodes.budget import BudgetInputs
from tests.bare import BARE

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
AS_IT_STANDS = Calibration(
    version=1,
    embedding_model="any",
    with_vectors=Logistic(intercept=0, coefficients={"standing": 1.0}, limits={"standing": (-20, 20)}),
    words_alone=Logistic(intercept=0, coefficients={}, limits={}),
    data={},
)
"""Makes a memory's probability depend on `standing` alone."""


def memory(turn_id: str, chance: float) -> Candidate:
    """Return a memory with this probability of relevance."""
    standing = math.log(chance / (1 - chance))
    return replace(
        BARE,
        turn_id=turn_id,
        at=START - timedelta(days=30),
        message=f"matter {turn_id}",
        reply="",
        score=chance,
        evidence=Evidence(lexical=1, coverage=0.5, cosine=0.5, standing=standing, surplus=standing),
    )


def past(turn_id: str, chances: Mapping[str, float], *, day: int = 0) -> PastTurn:
    """Return a turn with memories of these probabilities, the best one first."""
    at = START + timedelta(days=day)
    found = tuple(memory(name, chance) for name, chance in chances.items())
    state: State = {
        "messages": [],
        "turn": Turn(turn_id=turn_id, owner="ana", thread="1", message=f"question {turn_id}", at=at),
        "conversation": Conversation(),
        "recall": Recall(candidates=found, query=QueryFacts(documents=500, words=3, model="any")),
        "persona": Persona(text=""),
        "fact_sheet": FactSheet(),
    }
    return PastTurn(
        turn_id=turn_id,
        day=f"{at:%Y-%m-%d}",
        at=at,
        message=f"question {turn_id}",
        offered=found,
        state=state,
        inputs=BudgetInputs(0, len, UTC),
        calibration=AS_IT_STANDS,
    )
