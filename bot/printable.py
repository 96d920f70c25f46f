"""Text for people: in their language, and safe for a terminal."""

from collections.abc import Callable

from rich.console import Console
from rich.text import Text

Say = Callable[..., str]
"""Renders a text in one language from a key and named values."""
SNIPPET = 70
_TURN_AROUND = (0x202D, 0x202E)
"""Bidirectional overrides, which reorder the rest of a line."""
_CONTROL = {code: None for code in (*range(32), *range(127, 160), *_TURN_AROUND) if chr(code) not in "\n\t"}


def printable(text: str) -> str:
    """Remove control characters, which could take over a terminal."""
    return text.translate(_CONTROL)


def show(console: Console, text: str, style: str = "") -> None:
    """Print a text as it is, without markup and control characters."""
    console.print(Text(printable(text), style=style))


def snippet(text: str) -> str:
    """Return the beginning of a text on one line."""
    line = " ".join(printable(text).split())
    return line if len(line) <= SNIPPET else line[: SNIPPET - 1] + "…"
