"""Adaptive intent token scaling (AITS) and the split of its budget between L2 and L3.

The formulas are those of GOAT's first version:

    budget     = min(base + confidence * multiplier + complexity * bonus, hard cap)
    confidence = 0.2 for nothing; 0.8 for one interrogative or analytical cue and 0.1 for each further one,
                 up to 1.0; 0.5 otherwise
    complexity = min(1, min(1, characters / 200) * 0.7 + (0.3 if there is a connector))
"""

import json
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_WORD = re.compile(r"[^\W_]+")
_FULL_LENGTH = 200
_LOOKED_AT = 20_000  # characters in which cues are looked for


@dataclass(frozen=True, slots=True)
class Cues:
    """Words that tell how much context a message asks for, folded to lower case without diacritics."""

    deep: frozenset[str]
    connectors: frozenset[str]
    marks: tuple[str, ...]


def fold(text: str) -> str:
    """Return `text` in lower case without diacritics, so that `când` and `cand` are one word."""
    if text.isascii():
        return text.lower()
    bare = _without_marks(text.casefold())  # long runs of marks take quadratic time to decompose
    return _without_marks(unicodedata.normalize("NFKD", bare).casefold())


def _without_marks(text: str) -> str:
    return "".join(char for char in text if not unicodedata.combining(char))


@cache
def cues() -> Cues:
    """Read the cue lists that come with the package (`memory/prompt/cues.json`)."""
    data = json.loads(files(__package__).joinpath("cues.json").read_text(encoding="utf-8"))
    connectors = {k: v for k, v in data["connectors"].items() if k != "marks"}
    return Cues(
        deep=frozenset(fold(word) for words in data["deep"].values() for word in words),
        connectors=frozenset(fold(word) for words in connectors.values() for word in words),
        marks=tuple(data["connectors"]["marks"]),
    )


def in_words(message: str) -> str:
    """Return the words of `message`, folded, each with a space before and after it."""
    return f" {' '.join(_WORD.findall(fold(message)))} "


def count_cues(message: str, cues: frozenset[str]) -> int:
    """Count the distinct cues, words or phrases, that stand in `message`."""
    spaced = in_words(message[:_LOOKED_AT])
    return sum(f" {cue} " in spaced for cue in cues)


def confidence(message: str) -> float:
    """Estimate, in [0, 1], how much recalled context a message calls for."""
    if not message.strip():
        return 0.2
    deep = count_cues(message, cues().deep)
    return min(0.8 + 0.1 * (deep - 1), 1.0) if deep else 0.5


def complexity(message: str) -> float:
    """Estimate, in [0, 1], how much context an answer to `message` needs."""
    length = min(len(message) / _FULL_LENGTH, 1.0)
    connected = count_cues(message, cues().connectors) > 0 or any(mark in message for mark in cues().marks)
    return min(length * 0.7 + (0.3 if connected else 0.0), 1.0)


def intent_budget(
    confidence: float, complexity: float, *, base: int, multiplier: int, bonus: int, hard_cap: int
) -> int:
    """Return the tokens that all memory together may take in this turn's prompt."""
    return min(int(base + confidence * multiplier + complexity * bonus), hard_cap)


def conversation_limit(available: int, recalled: int, *, l3_minimum: int, l2_floor: int, l2_cap: int) -> int:
    """Return the most tokens that L2 may take, L3 being served first.

    Args:
        available: what identity and facts leave of the budget.
        recalled: what L3 would like to use; what it does not use of its minimum goes back to L2.
        l3_minimum: guaranteed to L3.
        l2_floor: guaranteed to L2; wins over `l3_minimum` on tiny budgets only.
        l2_cap: the most for L2 on any budget.
    """
    reserved = min(l3_minimum, recalled)
    return min(max(available - reserved, l2_floor), l2_cap)


def guarantees(room: int, *, l2_floor: int, l3_minimum: int) -> tuple[int, int]:
    """Return what L2 and L3 are guaranteed where both together must fit into `room` tokens."""
    if (both := l2_floor + l3_minimum) <= room:
        return l2_floor, l3_minimum
    floor = max(room, 0) * l2_floor // max(both, 1)
    return floor, max(room, 0) - floor


def recall_limit(available: int, conversation: int, *, l3_minimum: int, l2_floor: int) -> int:
    """Return the most tokens that L3 may take after the conversation took `conversation`.

    At least the minimum whenever the budget holds floor and minimum together.
    """
    room = available - conversation
    return max(room, l3_minimum if available >= l3_minimum + l2_floor else 0, 0)
