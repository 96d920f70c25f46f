"""Times of a turn's nodes, merged from parallel writes."""

from collections.abc import Mapping

Timings = dict[str, dict[str, float]]
"""Milliseconds by node, under the id of the only turn."""

MOST_NODES = 64


def merge_timings(left: Timings, right: Timings) -> Timings:
    """Add a node's time to its turn's; a new turn replaces the old one."""
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
