"""Reducers of the state: its messages, and the story and the times of a turn's nodes."""

from collections.abc import Mapping, Sequence

from langgraph.graph.message import Messages, add_messages

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
    while kinds[first] == "tool":  # its request is left out
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
