"""A wish to stop: how a person ends a reply that is being written, without losing what stands there."""

import asyncio


class StopSignals:
    """Stop wishes by turn id, of the turns that this process runs."""

    def __init__(self) -> None:
        self._events: dict[str, asyncio.Event] = {}

    def open(self, turn_id: str) -> asyncio.Event:
        """Return the event that is set when the turn is asked to stop."""
        return self._events.setdefault(turn_id, asyncio.Event())

    def close(self, turn_id: str) -> None:
        """Forget the turn."""
        self._events.pop(turn_id, None)

    def request(self, turn_id: str) -> None:
        """Ask the turn to stop; it goes on to the archive with what it has."""
        self.open(turn_id).set()
