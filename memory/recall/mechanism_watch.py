"""The current search's watcher, to which each mechanism's search is shown while it runs."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from memory.models import Mechanism

Watch = Callable[[Mechanism, Awaitable[Any]], Awaitable[Any]]
"""Takes a mechanism's search, and returns what it returns."""
WATCH: ContextVar[Watch | None] = ContextVar("watch", default=None)
"""None, the default: words, times and keys are read in one go, which costs least."""
