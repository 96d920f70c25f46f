"""What is read from a text in which a model wrote tool calls."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenCall:
    """One tool call, with the markup it was written in."""

    name: str
    arguments: dict[str, Any]
    raw: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A text taken apart: what people read, the calls in order, and markup that cannot be read."""

    text: str
    calls: tuple[WrittenCall, ...]
    broken: tuple[str, ...]
