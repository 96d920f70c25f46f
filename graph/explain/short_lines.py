"""Lines that stay short, whatever they quote."""

from datetime import datetime

from graph.state.story import LONGEST_LINE

_SNIPPET = 60


def line(text: str) -> str:
    """Hold a text to one line of bounded length."""
    flat = " ".join(text[: LONGEST_LINE * 4].split())
    return flat if len(flat) <= LONGEST_LINE else f"{flat[: LONGEST_LINE - 1]}…"


def snippet(text: str) -> str:
    """Quote the beginning of a text."""
    flat = " ".join(text[: _SNIPPET * 4].split())
    return f"“{flat}”" if len(flat) <= _SNIPPET else f"“{flat[: _SNIPPET - 1]}…”"


def counted(number: int, one: str, many: str = "") -> str:
    """Say how many there are of something."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def day(at: datetime) -> str:
    """Write a day."""
    return at.date().isoformat()
