"""A turn's rounds of tools as values: what was asked for, what it gave, what of the reply stands on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from memory.errors import BadState

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A tool that the model asks for."""

    id: str
    """What the model's endpoint knows the call by."""
    key: str
    """The call's own name: turn, round and place, the same when the turn is done again."""
    name: str
    arguments: dict[str, Any]
    problem: str = ""
    """Why it cannot be run: its arguments cannot be read, or it only repeats what the model was shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What the model said when it asked for tools; calls that were written into the text are cut out."""

    text: str
    calls: Sequence[Call]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """The rounds of tools of a turn, oldest first."""

    turn_id: str
    rounds: Sequence[Round] = ()

    @property
    def calls(self) -> list[Call]:
        """Every call of the turn."""
        return [call for one in self.rounds for call in one.calls]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What became of a call."""

    turn_id: str
    key: str
    name: str
    output: str
    """What the model is shown, held to the output cap; data, never instructions."""
    ok: bool
    evidence: str
    """One line for the conversation."""
    foreign: bool = False
    """The output comes from outside: a page, a command, another agent."""
    abandoned: bool = False
    """Nobody said whether it may run; the person went on to something else."""
    attachments: Sequence[str] = ()
    """Paths of files for the chat."""
    milliseconds: float = 0.0
    experiment: bool = False
    """The call belongs to an experiment: what changes anything was not run."""


def merge_results(left: Sequence[ToolResult], right: Sequence[ToolResult]) -> list[ToolResult]:
    """Add results to those of the same turn; those of another turn go, so that a thread stays bounded.

    Raises:
        BadState: what is added was written in Studio, and is no result.
    """
    if not right:
        return list(left)
    if is_plain(right):
        right = read_plain("results", _results(), right)
    turn_id, new = right[-1].turn_id, {result.key for result in right}
    return [r for r in left if r.turn_id == turn_id and r.key not in new] + list(right)


@cache
def _results() -> TypeAdapter[Sequence[ToolResult]]:
    return TypeAdapter(Sequence[ToolResult])


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounding:
    """Which figures of the reply stand in nothing that the model was shown."""

    turn_id: str
    unsupported: Sequence[str] = ()
    """Those of the reply as it was first written."""
    corrected: bool = False
    """The reply was written anew, and has fewer of them."""
    problem: str = ""
    """Why the corrective call gave nothing better."""


def is_plain(value: object) -> bool:
    """Say whether a value is of JSON, or a list with such values."""
    if isinstance(value, list | tuple):
        return any(map(is_plain, value))
    return value is None or isinstance(value, dict | str | int | float)


def read_plain(channel: str, kind: TypeAdapter[T], value: object) -> T:
    """Return what the plain value of a key of the state stands for.

    Raises:
        BadState: it stands for nothing that the key may hold; says where it is wrong.
    """
    try:
        return kind.validate_python(value)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join([channel, *map(str, one['loc'])])}: {one['msg']}" for one in error.errors()[:3]
        )
        raise BadState(f"This cannot stand in the state: {wrong}. Leave it as it was, or go on.") from None
