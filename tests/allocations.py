"""A budget of which nothing is shared, for tests of what comes behind it."""

from graph.state import Allocation

NOTHING = Allocation(conversation=(), recalled=())
