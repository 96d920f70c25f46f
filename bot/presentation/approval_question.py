"""How a person is asked whether a tool may be run."""

import json
import re

from graph.events.turn_events import Approval
from memory.text.invisible import is_seen

_FURTHER = "    | "
"""Before each further line of a value: an argument's name begins a line, and nothing else does."""
_BACKSLASHES = re.compile(r"\\+(?=u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|([^\\]))", re.DOTALL)


def argument_lines(approval: Approval) -> list[str]:
    """Return the arguments as lines in which nothing is hidden: what has no looks is spelt out."""
    lines: list[str] = []
    for name, value in approval.arguments.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        first, *further = map(spelt_out, text.split("\n"))
        lines += [f"{spelt_out(name)}: {first}", *(f"{_FURTHER}{line}" for line in further)]
    return lines


def spelt_out(text: str) -> str:
    """Return `text` with each character that cannot be seen, or that reorders others, as its code.

    Backslashes that could be read as the beginning of such a code are doubled.
    """
    plain = _BACKSLASHES.sub(_doubled, text)
    return "".join(char if _stays(char) else _code(char) for char in plain)


def _doubled(found: re.Match[str]) -> str:
    begins_code = found[1] is None or not _stays(found[1])
    return found[0] * 2 if begins_code else found[0]


def _stays(char: str) -> bool:
    return char == " " or is_seen(char)


def _code(char: str) -> str:
    number = f"{ord(char):04x}"
    return f"\\u{number}" if len(number) == len("202e") else f"\\U{number:0>8}"
