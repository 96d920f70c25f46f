"""An empty budget allocation, for tests of later nodes."""

from graph.state.turn_state import Allocation

NOTHING = Allocation(conversation=(), recalled=())
