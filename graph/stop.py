"""A wish to stop: how a person ends a reply that is being written, without losing what stands there."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class StopSignals:
    """Stop wishes by turn id, of the turns that this process runs."""

    def __init__(self) -> None:
        self._events: dict[str, asyncio.Event] = {}

    @contextmanager
    def possible(self, turn_id: str) -> Iterator[None]:
        """Take stop wishes for the turn for the time of the block."""
        self._events[turn_id] = asyncio.Event()
        try:
            yield
        finally:
            del self._events[turn_id]

    def signal(self, turn_id: str) -> asyncio.Event:
        """Return the event that is set when the turn is asked to stop."""
        return self._events.get(turn_id) or asyncio.Event()

    def request(self, turn_id: str) -> None:
        """Ask a running turn to stop; it goes on to the archive with what it has."""
        if turn_id in self._events:
            self._events[turn_id].set()
