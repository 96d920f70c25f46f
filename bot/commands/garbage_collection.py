"""Python's search for garbage in cycles, in a process that lives long."""

import gc

YOUNG = 10_000
"""Objects made before the youngest are looked at. A turn leaves 3,000: by Python's 700, four looks."""
FULL = 100
"""Looks at the middle generation before one at everything, which takes 0.13 s with the agent loaded: by
Python's 10, once in 60 turns."""


def collect_seldom() -> None:
    """Look for garbage a fifteenth as often, and through everything once in about 3,000 turns."""
    _, middle, _ = gc.get_threshold()
    gc.set_threshold(YOUNG, middle, FULL)
