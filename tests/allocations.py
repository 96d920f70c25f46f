"""A budget of which nothing is shared, for tests of what comes behind it."""

from graph.state import Allocation

NOTHING = Allocation(
    confidence=0,
    complexity=0,
    total=0,
    fixed=0,
    l2_limit=0,
    l2_used=0,
    l3_limit=0,
    l3_used=0,
    conversation=(),
    recalled=(),
)
