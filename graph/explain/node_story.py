"""The story of a node's update: a few short lines, read off values alone."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from graph.explain.fetch_story import tell_facts, tell_identity, tell_prefetch, tell_working
from graph.explain.reply_story import tell_archive, tell_ground, tell_respond, tell_tools
from graph.explain.selection_story import tell_assemble, tell_budget, tell_gap_filter
from graph.state.turn_state import State

Teller = Callable[[State], list[str]]

TELLERS: Mapping[str, tuple[str, Teller]] = {
    "prefetch": ("recall", tell_prefetch),
    "identity": ("persona", tell_identity),
    "facts": ("fact_sheet", tell_facts),
    "working": ("conversation", tell_working),
    "gap_filter": ("decisions", tell_gap_filter),
    "budget": ("allocation", tell_budget),
    "assemble": ("prompt", tell_assemble),
    "respond": ("", tell_respond),
    "ground": ("grounding", tell_ground),
    "archive": ("archived", tell_archive),
}
"""By node: the key without which there is nothing to tell, and what tells it."""


def tell(node: str, state: Mapping[str, Any], update: Mapping[str, Any]) -> list[str]:
    """Tell what a node did, given the state that it saw and its update; nothing of a node that is unknown."""
    if node == "tools":
        return tell_tools(update.get("results", ()))
    key, teller = TELLERS.get(node, ("", None))
    if teller is None or not update or (key and key not in update):
        return []
    return teller(cast("State", {**state, **update}))
