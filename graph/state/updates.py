"""What each node of a turn is given, where that is not the state, and what it leaves there."""

from collections.abc import Mapping, Sequence
from typing import NotRequired

from langchain_core.messages import AnyMessage
from typing_extensions import TypedDict

from graph.exchange import Call, Exchange, Grounding, ToolResult
from graph.state.turn_state import (
    Allocation,
    Archived,
    CalibrationUsed,
    Conversation,
    FactSheet,
    Fitting,
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
    thresholds: Mapping[str, int | float | str]


class BudgetUpdate(TypedDict):
    allocation: Allocation


class AssembleUpdate(TypedDict):
    prompt: list[AnyMessage]


class RespondUpdate(TypedDict, total=False):
    """Either what tools are to be called, or the reply, or that the prompt was too long."""

    exchange: Exchange
    fitting: Fitting
    messages: list[AnyMessage]
    reply: Reply


class ToolsInput(TypedDict):
    """What one call is run with."""

    turn: Turn
    call: Call
    foreign: bool
    """A third party's text stands before the model: what changes the memory is asked about first."""
    invented: bool
    """The call names an address that stood nowhere: what is known of the person could leave with it."""
    experiment: NotRequired[bool]
    """Nothing that changes anything is run; not said where no experiments are made."""


class ToolsUpdate(TypedDict):
    results: Sequence[ToolResult]


class GroundUpdate(TypedDict, total=False):
    """The reply stands here when it was corrected."""

    grounding: Grounding
    messages: list[AnyMessage]
    reply: Reply


class ArchiveUpdate(TypedDict):
    archived: Archived
    unused: Sequence[Unused]
