"""How long each node of a turn took: values that parallel nodes may write at once, of one turn at a time."""

from collections.abc import Mapping

Timings = dict[str, dict[str, float]]
"""Milliseconds by node, under the id of the one turn that they are of."""

MOST_NODES = 64


def of_latest_turn(left: Timings, right: Timings) -> Timings:
    """Add what a node took to its turn's times, also when it ran before; those of another turn go."""
    latest = left
    for turn_id, times in right.items():
        latest = {turn_id: _added(latest.get(turn_id, {}), times)}
    return latest


def _added(times: Mapping[str, float], more: Mapping[str, float]) -> dict[str, float]:
    total = dict(times)
    for name, milliseconds in more.items():
        if name in total or len(total) < MOST_NODES:
            total[name] = round(total.get(name, 0.0) + milliseconds, 2)
    return total
