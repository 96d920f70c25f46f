"""Inputs of nodes that are not the state, and their updates."""

from collections.abc import Sequence
from typing import NotRequired

from langchain_core.messages import AnyMessage
from typing_extensions import TypedDict

from graph.exchange import Call, Exchange, Fitting, Grounding, ToolResult
from graph.state.turn_state import (
    Allocation,
    Archived,
    CalibrationUsed,
    Conversation,
    FactSheet,
    Persona,
    Recall,
    Reply,
    Turn,
    Unused,
)
from memory.models import Decision


class WorkingUpdate(TypedDict):
    turn: Turn
    conversation: Conversation
    unused: Sequence[Unused]


class PrefetchUpdate(TypedDict):
    recall: Recall


class IdentityUpdate(TypedDict):
    persona: Persona


class FactsUpdate(TypedDict):
    fact_sheet: FactSheet


class GapFilterUpdate(TypedDict):
    decisions: Sequence[Decision]
    calibration: CalibrationUsed


class BudgetUpdate(TypedDict):
    allocation: Allocation


class AssembleUpdate(TypedDict):
    prompt: list[AnyMessage]


class RespondUpdate(TypedDict, total=False):
    """The tool calls to run, the reply, or a refusal of the prompt as too long."""

    turn: Turn
    """In an experiment, marked as one."""
    exchange: Exchange
    fitting: Fitting
    messages: list[AnyMessage]
    reply: Reply


class ToolsInput(TypedDict):
    """Input of one tool call."""

    turn: Turn
    call: Call
    foreign: bool
    """A third party's text is in the prompt: calls that change the memory need approval."""
    invented: bool
    """The call has an address that no text contained: it could leak what is known of the person."""
    others: NotRequired[Sequence[str]]
    """The other open calls, named in the question: an answer without an id counts for all that wait."""


class ToolsUpdate(TypedDict):
    results: Sequence[ToolResult]
    messages: list[AnyMessage]


class GroundUpdate(TypedDict, total=False):
    """The reply is set when it was corrected."""

    grounding: Grounding
    messages: list[AnyMessage]
    reply: Reply


class ArchiveUpdate(TypedDict):
    archived: Archived
    unused: Sequence[Unused]
