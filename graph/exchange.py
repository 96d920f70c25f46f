"""Values of a turn's model calls: tool rounds, results, fitting into the window, grounding."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A tool call that the model requests."""

    id: str
    """Id for the model's endpoint."""
    key: str
    """Id from turn, round and position; the same when the turn runs again."""
    name: str
    arguments: dict[str, Any]
    problem: str = ""
    """Why it cannot run: its arguments are invalid, or it repeats an earlier call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """The model's text with a request for tools, without calls written into it."""

    text: str
    calls: Sequence[Call]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A turn's tool rounds, oldest first."""

    turn_id: str
    rounds: Sequence[Round] = ()

    @property
    def calls(self) -> list[Call]:
        """Every call of the turn."""
        return [call for one in self.rounds for call in one.calls]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """The result of a call."""

    turn_id: str
    key: str
    name: str
    output: str
    """Output for the model, cut to the output cap; data, never instructions."""
    ok: bool
    evidence: str
    """A one-line summary for the conversation."""
    foreign: bool = False
    """The output comes from outside: a page, a command, another agent."""
    abandoned: bool = False
    """Approval was pending when the person sent another message."""
    attachments: Sequence[str] = ()
    """Paths of files to send to the chat."""
    milliseconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounding:
    """Figures of the reply that no text in the prompt supports."""

    turn_id: str
    unsupported: Sequence[str] = ()
    """Unsupported figures of the first reply."""
    corrected: bool = False
    """The reply was rewritten and has fewer of them."""
    problem: str = ""
    """Why the correction failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """How the turn's requests were fitted into the model's context window."""

    turn_id: str
    refused: int = 0
    """Number of prompts refused as too long, each followed by a new allocation."""
    again: bool = False
    """The latest prompt was refused."""
    cap: int = 0
    """Limit in characters on each tool output in the latest prompt; 0: none."""
    withdrawn: bool = False
    """Tools were withdrawn before the last round, for lack of room."""
