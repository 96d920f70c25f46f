"""Check that work takes linear time, on slow machines as on fast ones."""

import gc
import time
from collections.abc import Callable, Iterable

LENGTH = 32_000
"""Characters; quadratic work on them takes many seconds."""
_SHARE = 8
_TRIES = 5
"""Number of measurements, one of which has to be linear: a busy machine spoils some, quadratic work all."""


def not_linear(
    work: Callable[[str], object],
    units: Iterable[str],
    *,
    head: str = "",
    length: int = LENGTH,
    soon: float = 0.5,
) -> list[str]:
    """Return those of `units` that, repeated, take `work` more than three times the linear time.

    Work that takes less than `soon` seconds of processor time passes.
    """
    return [
        unit for unit in units if not any(_is_linear(work, head, unit, length, soon) for _ in range(_TRIES))
    ]


def _is_linear(work: Callable[[str], object], head: str, unit: str, length: int, soon: float) -> bool:
    long = _seconds(work, head + unit * (length // len(unit)))
    if long < soon:
        return True
    return long < 3 * _SHARE * _seconds(work, head + unit * (length // len(unit) // _SHARE))


def _seconds(work: Callable[[str], object], text: str) -> float:
    """Return this thread's processor time, without garbage collection."""
    gc.disable()
    try:
        began = time.thread_time()
        work(text)
        return time.thread_time() - began
    finally:
        gc.enable()
