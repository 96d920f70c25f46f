"""Faults of the Bot API."""

import fnmatch
import random
from dataclasses import dataclass


@dataclass(slots=True)
class Fault:
    """A fault of the calls that it matches."""

    kind: str
    """`fail`, `drop_before`, `drop_after` or `delay`."""
    method: str
    """Case-insensitive; `*` matches any letters."""
    times: int | None = 1
    """How often; None for no limit."""
    chat: int | None = None
    probability: float | None = None
    status: int = 500
    retry_after: int | None = None
    description: str = ""
    html: bool = False
    """Answer with a proxy's page instead of JSON."""
    seconds: float = 0.0

    def matches(self, kind: str, method: str, chat: str) -> bool:
        """Return whether it matches a call."""
        named = fnmatch.fnmatchcase(method.lower(), self.method.lower())
        return kind == self.kind and named and (self.chat is None or str(self.chat) == chat)


class Faults:
    """Faults in order; chance is seeded."""

    def __init__(self, seed: int = 0) -> None:
        self._faults: list[Fault] = []
        self._random = random.Random(seed)

    def add(self, fault: Fault) -> None:
        """Add a fault."""
        self._faults.append(fault)

    def clear(self, seed: int | None = None) -> None:
        """Remove all faults; a seed restarts the random generator."""
        self._faults.clear()
        if seed is not None:
            self._random.seed(seed)

    def take(self, kind: str, method: str, chat: str) -> Fault | None:
        """Return the first fault that applies, and use one of its times."""
        for fault in self._faults:
            if fault.matches(kind, method, chat) and self._strikes(fault):
                self._use_up(fault)
                return fault
        return None

    def _strikes(self, fault: Fault) -> bool:
        return fault.probability is None or self._random.random() < fault.probability

    def _use_up(self, fault: Fault) -> None:
        if fault.times is None:
            return
        fault.times -= 1
        if fault.times <= 0:
            self._faults.remove(fault)
