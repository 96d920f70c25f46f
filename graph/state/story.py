"""What each node of a turn did, in a few lines for people: of one turn at a time, like its timings."""

from collections.abc import Mapping, Sequence

Story = dict[str, dict[str, list[str]]]
"""Lines by node, under the id of the one turn that they are of."""

MOST_LINES = 12
"""Of a node; one that runs again adds its lines, and the last ones stay."""
LONGEST_LINE = 160


def told_of_latest_turn(left: Story, right: Mapping[str, Mapping[str, Sequence[str]]]) -> Story:
    """Add what a node tells to its turn's story; that of another turn goes."""
    latest = left
    for turn_id, told in right.items():
        latest = {turn_id: _added(latest.get(turn_id, {}), told)}
    return latest


def _added(lines: Mapping[str, list[str]], more: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    both = {name: [*lines.get(name, ()), *told][-MOST_LINES:] for name, told in more.items()}
    return {**lines, **both}
