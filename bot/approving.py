"""How a person is asked whether a tool may be run."""

import json
import unicodedata

from graph.events import Approval

_YES = {"y", "yes", "d", "da"}


def is_yes(said: str) -> bool:
    """Say whether an answer allows it; anything but a plain yes does not."""
    return said.strip().lower() in _YES


def argument_lines(approval: Approval) -> list[str]:
    """Return the arguments as lines in which nothing is hidden: what has no looks is spelt out."""
    lines: list[str] = []
    for name, value in approval.arguments.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        lines += f"{name}: {text}".split("\n")
    return [spelt_out(line) for line in lines]


def spelt_out(text: str) -> str:
    """Return `text` with each character that cannot be seen, or that reorders others, as its code."""
    return "".join(char if _is_seen(char) else f"\\u{ord(char):04x}" for char in text)


def _is_seen(char: str) -> bool:
    return char == " " or (
        unicodedata.category(char)[0] not in "CZ" and char not in "\u115f\u1160\u3164\uffa0"
    )
