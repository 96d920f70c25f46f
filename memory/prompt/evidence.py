"""One-line summaries of tool calls."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from memory.text.invisible import is_seen

ARROW = " -> "
MASK = "***"
CUT = "…"
MIN_LIMIT = 40
_READ_CHARS = 2000
_SECRET = re.compile(
    r"pass(?:word|wd|phrase|code)|pwd|token|secret|api.?key|private.?key|[a-z0-9][^a-z]key$|authori[sz]ation|"
    r"credential|cookie|bearer",
    re.IGNORECASE,
)


def without_calls(lines: Iterable[str], tools: Iterable[str]) -> list[str]:
    """Return the lines that `evidence_line` wrote, without those about these tools."""
    starts = tuple(f"called {tool}(" for tool in tools)
    return [line for line in lines if not line.startswith(starts)]


def evidence_line(name: str, arguments: Mapping[str, Any], output: str, *, limit: int = 160) -> str:
    """Return `called name(arg="...", n=3) -> preview` on one line of at most `limit` characters.

    In a longer one arguments and preview are cut: each keeps half of the room, or what the other leaves.
    Values with names that look secret are masked at any depth; invisible characters are dropped.

    Raises:
        ValueError: the limit leaves no room for a call.
    """
    if limit < MIN_LIMIT:
        raise ValueError(f"a line of evidence needs a limit of at least {MIN_LIMIT}, not {limit}")
    called = f"called {_clipped(one_line(name), limit // 4)}("
    room = limit - len(called) - len(")") - len(ARROW)
    asked, said = ", ".join(_stated(arguments)), one_line(output)
    return f"{called}{_clipped(asked, max(room // 2, room - len(said)))}){ARROW}" + _clipped(
        said, max(room - room // 2, room - len(asked))
    )


def one_line(text: str) -> str:
    """Return the start of a text on one line: white space as single spaces, no invisible characters."""
    spaced = " ".join(text[:_READ_CHARS].split())
    return "".join(char for char in spaced if char == " " or is_seen(char)).strip()


def _stated(arguments: Mapping[str, Any]) -> list[str]:
    return [f"{one_line(str(key))}={_shown(str(key), value)}" for key, value in arguments.items()]


def _shown(key: str, value: Any) -> str:
    if _SECRET.search(key):
        return MASK
    return one_line(json.dumps(_masked(value), ensure_ascii=False, default=str))


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, Mapping):
        return {str(key): MASK if _SECRET.search(str(key)) else _masked(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(each) for each in value]
    return value


def _clipped(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - len(CUT)].rstrip() + CUT
