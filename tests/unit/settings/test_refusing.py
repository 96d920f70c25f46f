"""A run's context that is refused."""

from typing import Any

import pytest

from graph.settings.context import TurnContext
from graph.settings.settings_loader import ValidatedContext
from memory.errors import ConfigError
from tests.tables import each


@each(
    ("given", "said"),
    [
        ({"gap_threshold": 7}, "Allowed: a number from 0 up to 1."),
        ({"prefetch_results": "many"}, "prefetch_results = 'many' is refused"),
        ({"rank_rule": "best"}, "Allowed: relevance or blend."),
        ({"gap_treshold": 0.9}, "Unknown setting gap_treshold. Did you mean gap_threshold?"),
        ({"weather": "x" * 5000}, "Unknown setting weather. Known: budget_base"),
        ({"gap_threshold": 7, "l2_cap": -1}, "l2_cap = -1 is refused"),
    ],
)
def test_a_refusal_says_what_is_allowed(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        ValidatedContext(**given)
    assert said in str(refused.value)
    assert "pydantic" not in str(refused.value)
    assert len(str(refused.value)) < 1000


def test_what_is_allowed_makes_the_same_context() -> None:
    assert ValidatedContext(gap_threshold=0.9).model_dump() == TurnContext(gap_threshold=0.9).model_dump()
    fields = ValidatedContext.model_json_schema()["properties"]
    assert fields == TurnContext.model_json_schema()["properties"]
