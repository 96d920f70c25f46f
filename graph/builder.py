"""The turn's graph."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from langgraph.graph import END, START, StateGraph

from graph.layers import Layers
from graph.model.model_window import WindowShare
from graph.model.tool_rounds import after_respond
from graph.observability.observed_node import ObservedNode
from graph.settings.context import TurnContext
from graph.state.turn_state import State, TurnInput
from graph.state.updates import ToolsInput
from memory.recall.mechanisms import MECHANISMS
from memory.working.redis_journal import RedisJournal
from nodes.archive import Archive
from nodes.assemble import Assemble
from nodes.budget import Budget
from nodes.experiment import Experiments, NoArchive, PastPrefetch, PastWorking
from nodes.facts import Facts
from nodes.gap_filter import GapFilter
from nodes.ground import Ground
from nodes.identity import Identity
from nodes.reply_journal import ReplyJournal
from nodes.respond import Respond
from nodes.tools import Tools
from nodes.working import Working

FETCHES = ["prefetch", "identity", "facts", "working"]
"""Nodes of one superstep; the gap filter waits for all of them."""

REPEATABLE = ["__start__", *FETCHES, "gap_filter", "budget", "assemble", "archive"]
"""Nodes that may run again after a crash: they only read, or, as `archive`, are idempotent."""

CAPTIONS: Mapping[str, Mapping[str, str]] = {
    "prefetch": {
        "does": "search the memory (L3)",
        "thematic": "by meaning and words, always",
        **{one.name.value: one.caption for one in MECHANISMS},
    },
    "identity": {"does": "read who the agent is (L0)"},
    "facts": {"does": "read the facts (L1)"},
    "working": {"does": "read the conversation (L2)"},
    "gap_filter": {"does": "keep what is relevant"},
    "budget": {"does": "divide the token budget"},
    "assemble": {"does": "write the prompt"},
    "respond": {"does": "ask the model"},
    "tools": {"does": "run one call"},
    "ground": {"does": "check the figures"},
    "archive": {"does": "save the turn"},
}
"""Each node's caption in the drawn graph."""

TurnGraph = StateGraph[State, TurnContext, TurnInput, State]


def build_graph(
    layers: Layers,
    context_schema: type[TurnContext] = TurnContext,
    refusal_reason: Callable[[str], str] = lambda _: "",
    journal: RedisJournal | None = None,
    in_steps: Callable[[ObservedNode], Any] = lambda node: node,
) -> TurnGraph:
    """Build the turn's graph on `layers`; compile it with or without a checkpointer.

    Args:
        layers: stores, model and tools.
        context_schema: schema of a run's context.
        refusal_reason: returns why a tool that needs approval cannot get it here; "" when it can.
        journal: records running turns; None where turns that were cut off are resumed.
        in_steps: wraps `prefetch` to show its steps in Studio.
    """
    split = Experiments(layers.turns, layers.episodes).split
    builder = StateGraph(State, context_schema=context_schema, input_schema=TurnInput)
    for name, node in _nodes(layers, split, journal).items():
        observed = ObservedNode(name, node, layers.telemetry.tracer)
        shown = in_steps(observed) if name == "prefetch" else observed
        builder.add_node(name, shown, metadata=dict(CAPTIONS[name]))
    tools = Tools(
        layers.toolbox, layers.tool_runner, layers.tool_cache, layers.stops, refusal_reason=refusal_reason
    )
    in_experiment = replace(tools, read_only=True)
    run_call = split(lambda state, _: tools(state), lambda state, _, __: in_experiment(state))
    observed_tools = ObservedNode("tools", run_call, layers.telemetry.tracer)
    builder.add_node(  # type: ignore[misc]  # its input comes from `Send`
        "tools", observed_tools, input_schema=ToolsInput, metadata=dict(CAPTIONS["tools"])
    )
    _add_edges(builder)
    return builder


def _nodes(
    layers: Layers, split: Callable[..., Any], journal: RedisJournal | None
) -> dict[str, Callable[..., Any]]:
    """Return all nodes except the tools; `split` gives experiments a separate node."""
    turns, cap = layers.turns, layers.settings.message_cap
    archive = make_archive(layers, journal)
    replies = ReplyJournal(journal, layers.background) if journal else None
    working = Working(turns, layers.conversations, archive)
    past_prefetch = PastPrefetch(layers.prefetch, layers.episodes, layers.observations)
    return {
        "prefetch": split(layers.prefetch, past_prefetch, first=True),
        "identity": Identity(turns, layers.permanent, layers.settings.identity),
        "facts": Facts(turns, layers.permanent),
        "working": split(working, PastWorking(working), first=True),
        "gap_filter": GapFilter(layers.live),
        "budget": Budget(layers.tokens, layers.zone, WindowShare(layers.window, layers.toolbox, cap)),
        "assemble": Assemble(layers.tokens, layers.zone, cap),
        "respond": Respond(layers.ask, layers.toolbox, layers.zone, replies),
        "ground": Ground(layers.ask, layers.toolbox),
        "archive": split(archive, NoArchive(archive)),
    }


def _add_edges(builder: TurnGraph) -> None:
    for fetch in FETCHES:
        builder.add_edge(START, fetch)
    builder.add_edge(FETCHES, "gap_filter")
    builder.add_edge("gap_filter", "budget")
    builder.add_edge("budget", "assemble")
    builder.add_edge("assemble", "respond")
    builder.add_conditional_edges("respond", after_respond, ["budget", "tools", "ground", "archive"])
    builder.add_edge("tools", "respond")
    builder.add_edge("ground", "archive")
    builder.add_edge("archive", END)


def make_archive(layers: Layers, journal: RedisJournal | None = None) -> Archive:
    """Make the node that archives turns."""
    return Archive(layers.writer, layers.recorder, journal)
