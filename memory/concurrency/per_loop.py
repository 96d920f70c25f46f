"""Values that belong to one event loop: connections, locks, tasks."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerLoop(Generic[T]):
    """One value for each event loop; those of closed loops are dropped."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._values: dict[asyncio.AbstractEventLoop, T] = {}

    def get(self) -> T:
        """Return the running loop's value, made on first use."""
        loop = asyncio.get_running_loop()
        if loop not in self._values:
            for other in list(self._values):
                if other.is_closed():
                    self._values.pop(other, None)
            self._values[loop] = self._make()
        return self._values[loop]

    def pop(self) -> T | None:
        """Remove and return the running loop's value."""
        return self._values.pop(asyncio.get_running_loop(), None)
