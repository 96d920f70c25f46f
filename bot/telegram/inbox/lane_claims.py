"""Updates in the inbox and the lanes that this process holds."""

import time
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field

from memory.errors import GoatError

LEASE_ENDED = "The lease of this lane ended, and another worker may hold it."


@dataclass(frozen=True, slots=True)
class Arrival:
    """A received update."""

    update_id: int
    lane: str
    update: bytes


@dataclass(slots=True)
class Claim:
    """A held lane and its first update."""

    lane: str
    update: bytes
    tries: int
    """Counted attempts at the update, including this one."""
    first: bool
    """True if this is the first attempt of all."""
    token: str
    until: float = field(default=0.0)
    """End of the lease, by this machine's `clock`."""
    private: bool = False
    """True if nothing of the update may stay on disk."""
    bound: Sequence[bytes] = ()
    """Updates behind it that are handled with it."""

    @property
    def is_held(self) -> bool:
        """Return True while the lease lasts, also after the process was suspended."""
        return clock() < self.until


def clock() -> float:
    """Return seconds of a clock that also runs while the process or the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


HOLDER: ContextVar[Claim | None] = ContextVar("holder", default=None)
"""The claim that the current task works on."""


class LaneLost(GoatError):
    """Another worker holds this lane now: nothing more may be sent for it."""


class NotDelivered(GoatError):
    """Telegram could not be reached, or asks to wait, for too long, or the rate limit does; retry later.

    Attributes:
        seconds: earliest time of a retry, from now.
    """

    def __init__(self, message: str, seconds: float = 0.0) -> None:
        super().__init__(message)
        self.seconds = seconds


def check_held() -> None:
    """Raise `LaneLost` if the current task's lease has ended."""
    claim = HOLDER.get()
    if claim is not None and not claim.is_held:
        raise LaneLost(LEASE_ENDED)
