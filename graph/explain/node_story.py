"""The story of a node's update: a few short lines made from the state and the update."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from graph.explain.fetch_story import describe_facts, describe_identity, describe_prefetch, describe_working
from graph.explain.reply_story import describe_archive, describe_ground, describe_respond, describe_tools
from graph.explain.selection_story import describe_assemble, describe_budget, describe_gap_filter
from graph.state.turn_state import State

Describer = Callable[[State], list[str]]

DESCRIBERS: Mapping[str, tuple[str, Describer]] = {
    "prefetch": ("recall", describe_prefetch),
    "identity": ("persona", describe_identity),
    "facts": ("fact_sheet", describe_facts),
    "working": ("conversation", describe_working),
    "gap_filter": ("decisions", describe_gap_filter),
    "budget": ("allocation", describe_budget),
    "assemble": ("prompt", describe_assemble),
    "respond": ("", describe_respond),
    "ground": ("grounding", describe_ground),
    "archive": ("archived", describe_archive),
}
"""By node: the key that its update must have, and the function that describes it."""


def describe_node(node: str, state: Mapping[str, Any], update: Mapping[str, Any]) -> list[str]:
    """Describe a node's run in a few lines, from its input state and its update; empty for unknown nodes."""
    if node == "tools":
        return describe_tools(update.get("results", ()))
    key, describe = DESCRIBERS.get(node, ("", None))
    if describe is None or not update or (key and key not in update):
        return []
    return describe(cast("State", {**state, **update}))
