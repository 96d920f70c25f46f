"""Work that must take time in proportion to its input, on a slow machine as on a fast one."""

import gc
import time
from collections.abc import Callable, Iterable

LENGTH = 32_000
"""Characters: what takes their square takes many seconds."""
_SHARE = 8
_TRIES = 5
"""Measurements of which one has to be in proportion: a busy machine spoils some, a square spoils all."""


def not_linear(
    work: Callable[[str], object],
    units: Iterable[str],
    *,
    head: str = "",
    length: int = LENGTH,
    soon: float = 0.5,
) -> list[str]:
    """Return those of `units` that, repeated, take `work` more than three times what is proportionate.

    What is done `soon`, in seconds of the processor, is not looked at further.
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
    """Return the processor's time of this thread, that of collecting garbage left out."""
    gc.disable()
    try:
        began = time.thread_time()
        work(text)
        return time.thread_time() - began
    finally:
        gc.enable()
