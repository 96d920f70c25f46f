"""The turn, drawn once."""

from langgraph.graph import END, START, StateGraph

from graph.context import TurnContext
from graph.layers import Layers
from graph.state import State, TurnInput
from nodes.archive import Archive
from nodes.assemble import Assemble
from nodes.budget import Budget
from nodes.facts import Facts
from nodes.gap_filter import gap_filter
from nodes.identity import Identity
from nodes.prefetch import Prefetch
from nodes.respond import Respond
from nodes.working import Working

FETCHES = ["prefetch", "identity", "facts", "working"]
"""Run in one superstep; the gap filter waits for all of them."""

TurnGraph = StateGraph[State, TurnContext, TurnInput, State]


def build_graph(layers: Layers, context_schema: type[TurnContext] = TurnContext) -> TurnGraph:
    """Draw the turn over `layers`; compile it with a checkpointer, or let the server bring its own."""
    turns = layers.turns
    archive = Archive(layers.episodes, layers.conversations, layers.cache, layers.tokens)
    builder = StateGraph(State, context_schema=context_schema, input_schema=TurnInput)
    builder.add_node("prefetch", Prefetch(turns, layers.episodes, layers.cache, layers.zone))
    builder.add_node("identity", Identity(turns, layers.permanent, layers.persona))
    builder.add_node("facts", Facts(turns, layers.permanent))
    builder.add_node("working", Working(turns, layers.conversations, archive))
    builder.add_node("gap_filter", gap_filter)
    builder.add_node("budget", Budget(layers.tokens, layers.zone))
    builder.add_node("assemble", Assemble(layers.tokens, layers.zone, layers.message_cap))
    builder.add_node("respond", Respond(layers.model, layers.stops, layers.zone, layers.model_timeout))
    builder.add_node("archive", archive)
    for fetch in FETCHES:
        builder.add_edge(START, fetch)
    builder.add_edge(FETCHES, "gap_filter")
    builder.add_edge("gap_filter", "budget")
    builder.add_edge("budget", "assemble")
    builder.add_edge("assemble", "respond")
    builder.add_edge("respond", "archive")
    builder.add_edge("archive", END)
    return builder
