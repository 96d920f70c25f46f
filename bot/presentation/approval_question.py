"""The text of the question whether a tool may run."""

import json
import re

from graph.events.turn_events import Approval
from memory.text.text import is_seen, shortened

_FURTHER = "    | "
"""Prefix of continuation lines, so that only an argument's name starts a line."""
_BACKSLASHES = re.compile(r"(?<!\\)\\+(?=u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|([^\\]))", re.DOTALL)


def argument_lines(approval: Approval) -> list[str]:
    """Return the arguments as lines, with invisible characters escaped."""
    lines: list[str] = []
    for name, value in approval.arguments.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        first, *further = map(escape, text.split("\n"))
        lines += [f"{escape(name)}: {first}", *(f"{_FURTHER}{line}" for line in further)]
    return lines


def shown_call(approval: Approval, most: int = 10**6) -> str:
    """Return the call's arguments as a code block of at most `most` characters."""
    lines = shortened("\n".join(argument_lines(approval)), most)
    ticks = "`" * max(3, _longest_run(lines) + 1)
    return f"{ticks}\n{lines}\n{ticks}"


def _longest_run(text: str) -> int:
    longest = run = 0
    for char in text:
        run = run + 1 if char == "`" else 0
        longest = max(longest, run)
    return longest


def escape(text: str) -> str:
    """Escape characters of `text` that are invisible or reorder others.

    Backslashes that could be taken for an escape are doubled.
    """
    plain = _BACKSLASHES.sub(_double, text)
    return "".join(char if _is_visible(char) else _escape_code(char) for char in plain)


def _double(found: re.Match[str]) -> str:
    begins_code = found[1] is None or not _is_visible(found[1])
    return found[0] * 2 if begins_code else found[0]


def _is_visible(char: str) -> bool:
    return char == " " or is_seen(char)


def _escape_code(char: str) -> str:
    number = f"{ord(char):04x}"
    return f"\\u{number}" if len(number) == len("202e") else f"\\U{number:0>8}"
