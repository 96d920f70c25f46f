"""What a front end hears of a turn while it runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graph.state.turn_state import State


@dataclass(frozen=True, slots=True)
class Piece:
    """Some more of the reply's text, as the model writes it."""

    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """A node is done, and what it did is in a checkpoint."""

    node: str


@dataclass(frozen=True, slots=True)
class Calling:
    """The model asks for tools; what it said before them is no part of the reply."""

    tools: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A call that waits for the person's word."""

    id: str
    """Of the interrupt: with it the call is answered."""
    tool: str
    arguments: Mapping[str, Any]
    reason: str
    """Why it is asked: what the tool can do, or what it follows from."""
    key: str = ""
    """The call's own name."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The turn waits until the person has answered; see `Agent.decide`."""

    turn_id: str
    owner: str
    approvals: Sequence[Approval]


@dataclass(frozen=True, slots=True)
class Resumed:
    """A turn that an earlier stop cut off is finished now, before the one that was asked for."""

    state: State


@dataclass(frozen=True, slots=True)
class Finished:
    """The turn is archived."""

    state: State


Event = Piece | Step | Calling | Waiting | Resumed | Finished
