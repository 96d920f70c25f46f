"""Short lines of text for stories."""

from datetime import datetime

from graph.state.story import LONGEST_LINE

_SNIPPET = 60


def line(text: str) -> str:
    """Cut a text to one line of `LONGEST_LINE` characters."""
    flat = " ".join(text[: LONGEST_LINE * 4].split())
    return flat if len(flat) <= LONGEST_LINE else f"{flat[: LONGEST_LINE - 1]}…"


def snippet(text: str) -> str:
    """Quote the beginning of a text."""
    flat = " ".join(text[: _SNIPPET * 4].split())
    return f"“{flat}”" if len(flat) <= _SNIPPET else f"“{flat[: _SNIPPET - 1]}…”"


def quantity(number: int, one: str, many: str = "") -> str:
    """Write a number with its noun in singular or plural."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def day(at: datetime) -> str:
    """Write a day as 2026-03-01."""
    return at.date().isoformat()
