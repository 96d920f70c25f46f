"""Lots that fall the same way in every run."""

import random


def seeded(what: str | int) -> random.Random:
    """Return a source of lots of its own for each thing that is drawn."""
    return random.Random(what)  # noqa: S311 - to be drawn again, not to be secret
