"""Events of a running turn, for front ends."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graph.state.turn_state import State


@dataclass(frozen=True, slots=True)
class Piece:
    """More of the reply's text, as the model streams it."""

    text: str


@dataclass(frozen=True, slots=True)
class NodeFinished:
    """A node has finished and is in a checkpoint."""

    node: str


@dataclass(frozen=True, slots=True)
class ToolsRequested:
    """The model requests tools; text before the request is not part of the reply."""

    tools: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A call that needs the person's approval."""

    id: str
    """Id of the interrupt, which answers the call."""
    tool: str
    arguments: Mapping[str, Any]
    reason: str
    """Why approval is needed: an effect of the tool, or the text that the call follows from."""
    key: str = ""
    """Id of the call."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The turn waits for the person's decision; see `Agent.decide`."""

    turn_id: str
    owner: str
    approvals: Sequence[Approval]


@dataclass(frozen=True, slots=True)
class Resumed:
    """A turn that a crash had interrupted was finished before the requested one."""

    state: State


@dataclass(frozen=True, slots=True)
class Finished:
    """The turn is archived."""

    state: State


Event = Piece | NodeFinished | ToolsRequested | Waiting | Resumed | Finished
Events = AsyncGenerator[Event, None]
"""A turn's events; it holds its thread until it ends, so readers close it: `contextlib.aclosing`."""
