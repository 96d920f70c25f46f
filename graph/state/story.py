"""The story of a turn: a few lines from each node, for people."""

from collections.abc import Mapping, Sequence

Story = dict[str, dict[str, list[str]]]
"""Lines by node, under the id of the only turn."""

MOST_LINES = 12
"""Of one node, over all its runs in the turn; the last ones are kept."""
LONGEST_LINE = 160


def merge_stories(left: Story, right: Mapping[str, Mapping[str, Sequence[str]]]) -> Story:
    """Append a node's lines to its turn's story; a new turn replaces the old one."""
    latest = left
    for turn_id, told in right.items():
        latest = {turn_id: _added(latest.get(turn_id, {}), told)}
    return latest


def _added(lines: Mapping[str, list[str]], more: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    both = {name: [*lines.get(name, ()), *told][-MOST_LINES:] for name, told in more.items()}
    return {**lines, **both}
