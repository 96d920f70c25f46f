"""The story and the times of a turn's nodes, merged from parallel writes."""

from collections.abc import Mapping, Sequence

Story = dict[str, dict[str, list[str]]]
"""Lines by node, under the id of the only turn."""

MOST_LINES = 12
"""Of one node, over all its runs in the turn; the last ones are kept."""
LONGEST_LINE = 240

Timings = dict[str, dict[str, float]]
"""Milliseconds by node, under the id of the only turn."""
MOST_NODES = 64


def merge_stories(left: Story, right: Mapping[str, Mapping[str, Sequence[str]]]) -> Story:
    """Append a node's lines to its turn's story; a new turn replaces the old one."""
    latest = left
    for turn_id, added in right.items():
        latest = {turn_id: _with_lines(latest.get(turn_id, {}), added)}
    return latest


def _with_lines(lines: Mapping[str, list[str]], more: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    both = {name: [*lines.get(name, ()), *added][-MOST_LINES:] for name, added in more.items()}
    return {**lines, **both}


def merge_timings(left: Timings, right: Timings) -> Timings:
    """Add a node's time to its turn's; a new turn replaces the old one."""
    latest = left
    for turn_id, times in right.items():
        latest = {turn_id: _with_times(latest.get(turn_id, {}), times)}
    return latest


def _with_times(times: Mapping[str, float], more: Mapping[str, float]) -> dict[str, float]:
    total = dict(times)
    for name, milliseconds in more.items():
        if name in total or len(total) < MOST_NODES:
            total[name] = round(total.get(name, 0.0) + milliseconds, 2)
    return total
