"""Reducers of the state: messages, stories, times and tool results."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TypeVar

from langgraph.graph.message import Messages, add_messages
from pydantic import TypeAdapter, ValidationError

from graph.exchange import ToolResult
from memory.errors import BadState

T = TypeVar("T")

MESSAGES_KEPT = 20
"""Messages in a thread's state, for the chat view; the conversation itself is in L2."""
LONGEST_SHOWN = 2000
"""Limit in characters on a text of a tool call in the chat view; `exchange` and `results` have all of it."""

Story = dict[str, dict[str, list[str]]]
"""Lines by node, under the id of the only turn."""

MOST_LINES = 12
"""Of one node, over all its runs in the turn; the last ones are kept."""
LONGEST_LINE = 240

Timings = dict[str, dict[str, float]]
"""Milliseconds by node, under the id of the only turn."""
MOST_NODES = 64


def keep_latest(left: Messages, right: Messages) -> Messages:
    """Merge messages as `add_messages` does; keep the latest `MESSAGES_KEPT`, and all of the latest turn."""
    merged = add_messages(left, right)
    if not isinstance(merged, list) or len(merged) <= MESSAGES_KEPT:
        return merged
    kinds = [getattr(message, "type", "") for message in merged]
    first = len(kinds) - MESSAGES_KEPT
    first = min(first, max((n for n, kind in enumerate(kinds) if kind == "human"), default=first))
    while first < len(kinds) and kinds[first] == "tool":  # its request is left out
        first += 1
    return merged[first:]


def merge_stories(left: Story, right: Mapping[str, Mapping[str, Sequence[str]]]) -> Story:
    """Append a node's lines to its turn's story; a new turn replaces the old one."""
    latest = left
    for turn_id, added in right.items():
        lines = latest.get(turn_id, {})
        both = {name: [*lines.get(name, ()), *more][-MOST_LINES:] for name, more in added.items()}
        latest = {turn_id: {**lines, **both}}
    return latest


def merge_timings(left: Timings, right: Timings) -> Timings:
    """Add a node's time to its turn's; a new turn replaces the old one."""
    latest = left
    for turn_id, times in right.items():
        total = dict(latest.get(turn_id, {}))
        for name, milliseconds in times.items():
            if name in total or len(total) < MOST_NODES:
                total[name] = round(total.get(name, 0.0) + milliseconds, 2)
        latest = {turn_id: total}
    return latest


def merge_results(left: Sequence[ToolResult], right: Sequence[ToolResult]) -> list[ToolResult]:
    """Append results of the same turn; a new turn replaces the old results.

    Raises:
        BadState: an added value was edited in Studio and is no result.
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


def is_plain(value: object) -> bool:
    """Return True for a JSON value, or a list that contains one."""
    if isinstance(value, list | tuple):
        return any(map(is_plain, value))
    return value is None or isinstance(value, dict | str | int | float)


def read_plain(channel: str, kind: TypeAdapter[T], value: object) -> T:
    """Convert a channel's value from plain JSON.

    Raises:
        BadState: the channel cannot hold the value; names the wrong place.
    """
    try:
        return kind.validate_python(value)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join([channel, *map(str, one['loc'])])}: {one['msg']}" for one in error.errors()[:3]
        )
        raise BadState(f"The state cannot hold this value: {wrong}. Undo the edit.") from None
