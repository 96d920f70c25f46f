"""Thresholds of Python's garbage collector for processes that run long."""

import gc

YOUNG = 10_000
"""Allocations between collections of the youngest generation. A turn leaves 3,000 objects: four collections
with Python's 700.
"""
FULL = 100
"""Collections of the middle generation per full one. A full one takes 0.13 s with the agent loaded; Python's
10 makes it one every 60 turns.
"""


def collect_seldom() -> None:
    """Collect a fifteenth as often, and fully about once in 3,000 turns."""
    _, middle, _ = gc.get_threshold()
    gc.set_threshold(YOUNG, middle, FULL)
