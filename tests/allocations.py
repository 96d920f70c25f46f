"""A budget of which nothing is shared, for tests of what comes behind it."""

from graph.state.turn_state import Allocation

NOTHING = Allocation(conversation=(), recalled=())
