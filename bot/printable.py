"""Text as a terminal may be sent it."""

SNIPPET = 70
_TURN_AROUND = (0x202D, 0x202E)
"""The marks that show the rest of a line in another order."""
_CONTROL = {code: None for code in (*range(32), *range(127, 160), *_TURN_AROUND) if chr(code) not in "\n\t"}


def printable(text: str) -> str:
    """Return `text` without control characters, which could take over a terminal."""
    return text.translate(_CONTROL)


def snippet(text: str) -> str:
    """Return the beginning of a text on one line."""
    line = " ".join(printable(text).split())
    return line if len(line) <= SNIPPET else line[: SNIPPET - 1] + "…"
