"""What flows between the nodes of a turn. Each key has one writer, named in its docstring.

Per-turn keys are plain overwrites, so that a long thread stays bounded; values only, no live objects. What is
written as a tuple is read back from a checkpoint as a list, hence `Sequence`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, NotRequired

from langchain_core.messages import AnyMessage
from langgraph.graph.message import Messages, add_messages
from pydantic import BeforeValidator
from typing_extensions import TypedDict

from graph.exchange import Exchange, Grounding, ToolResult, of_one_turn
from graph.state.story import Story, told_of_latest_turn
from graph.state.timings import Timings, of_latest_turn
from memory.models import (
    Candidate,
    ConversationTurn,
    Decision,
    Fact,
    Outcome,
    QueryFacts,
    SearchReport,
    Seen,
)
from memory.observation.observation import Shares
from memory.provenance import Part, Spoken

MESSAGES_KEPT = 20
"""Messages that the state of a thread holds, for the chat view; the conversation itself stands in L2."""


def keep_latest(left: Messages, right: Messages) -> Messages:
    """Add messages as `add_messages` does, and keep the latest `MESSAGES_KEPT`."""
    merged = add_messages(left, right)
    return merged[-MESSAGES_KEPT:] if isinstance(merged, list) else merged


def _id_of(value: object) -> object:
    """Return the id of a turn that is written out whole, as in an earlier version's checkpoints."""
    return value.get("turn_id") if isinstance(value, dict) else value


TurnId = Annotated[str, BeforeValidator(_id_of)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn(Spoken):
    """Which turn this is."""

    turn_id: str
    owner: str
    thread: str
    message: str
    """The owner's own words."""
    at: datetime
    parts: tuple[Part, ...] = ()
    """What came with the message, each text by itself, and what it replies to."""
    tags: Sequence[str] = ()
    """What the archive notes of the turn, such as that its message is an edit."""
    private: bool = False
    """Nothing of the turn is kept."""
    experiment: bool = False
    """It was begun as an experiment: nothing of it is written but its checkpoints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeMeant:
    """The past that the message speaks of, half-open."""

    start: datetime
    end: datetime
    text: str
    """The words that said it."""
    alone: bool = False
    """The message names no matter beside the time, as in "what did we talk about yesterday?"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """What the archive offered."""

    candidates: Sequence[Candidate] = ()
    """Best first."""
    query: QueryFacts = field(default_factory=QueryFacts)
    noise: Sequence[float] = ()
    """Quantiles of the null turns' best similarities in this archive, evenly spaced from least to most."""
    expanded: str = ""
    """What was searched for, when the message alone means nothing."""
    keys: Sequence[str] = ()
    """Structural keys in the message."""
    times: TimeMeant | None = None
    carried: Sequence[str] = ()
    """Turn ids of the memories that were shown right before, in the same thread."""
    reports: dict[str, SearchReport] = field(default_factory=dict)
    """By mechanism."""
    asked_at: datetime | None = None
    """When the archive was asked, by this machine's clock."""
    seen: Seen | None = None
    """How much of the archive the search saw; None when there was nothing, or no search in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """L0 as it was read."""

    text: str
    overridden: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactSheet:
    """L1 as it was read."""

    facts: Sequence[Fact] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """L2 as it was read: the latest turns of the thread, oldest first."""

    turns: Sequence[ConversationTurn] = ()
    opening: ConversationTurn | None = None
    """The thread's first turn, when it is not among `turns`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationUsed:
    """What turned the evidence into probabilities."""

    name: str = ""
    """In goat.toml; empty: the one that comes with the embedding model, or none under another rule."""
    problem: str = ""
    """Why it is not the one that was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation(Shares):
    """The turn's shares, and what is shown for them; `graph.state.resolution` resolves its ids to text."""

    conversation: Sequence[TurnId]
    """What of the conversation is shown, oldest first."""
    recalled: Sequence[TurnId]
    """What of the memory is shown, best first."""
    shortened: Sequence[ConversationTurn] = ()
    """Those of the conversation that are shown in part, as they are shown."""
    over_budget: Sequence[Decision] = ()
    """Relevant memories for which there was no room."""
    extract: int = 0
    """Characters to which message and reply of a memory are held in a small window; 0: as they were found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """How the turn's requests to the model were fitted into its context window."""

    turn_id: str
    refused: int = 0
    """How often a prompt was refused as too long, and shared anew."""
    again: bool = False
    """The latest one was."""
    cap: int = 0
    """The most characters of a tool's output that the model was shown last; 0: all of it."""
    withdrawn: bool = False
    """The model had to answer before its rounds of tools were used up: there was no room for more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """How the turn was answered."""

    text: str
    outcome: Outcome
    problem: str = ""
    """What went wrong, and what to do about it."""
    model: str = ""
    seconds: float = 0.0
    experiment: bool = False
    """It was given in a run that was asked for as an experiment."""

    @property
    def own_words(self) -> str:
        """The text that is new and belongs in the archive: recalled text is not archived again."""
        return "" if self.outcome is Outcome.RECALLED else self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """Where the turn was written down."""

    turn_id: str
    conversation: bool
    """False when it stood there already."""
    episode: bool
    """False when it stood there already. Its vectors follow."""
    experiment: bool = False
    """The run was an experiment, and nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unused:
    """A memory that was shown of late, and that the reply made no use of."""

    turn_id: str
    probability: float
    """With which it was shown."""
    turns_left: int
    """For so many turns it is not shown again without a better reason."""


class TurnInput(TypedDict):
    """What a turn begins with."""

    messages: Annotated[list[AnyMessage], keep_latest]
    """The chat as people see it; the last one is the message to answer. Its id is the turn's id. Written by
    the caller, by `respond`, and by `ground` when it corrects the reply."""


class State(TurnInput):
    """A turn, as far as it has come."""

    turn: NotRequired[Turn]
    """Written by `working`."""
    conversation: NotRequired[Conversation]
    """Written by `working`."""
    recall: NotRequired[Recall]
    """Written by `prefetch`."""
    persona: NotRequired[Persona]
    """Written by `identity`."""
    fact_sheet: NotRequired[FactSheet]
    """Written by `facts`."""
    decisions: NotRequired[Sequence[Decision]]
    """One for each candidate, best first. Written by `gap_filter`."""
    calibration: NotRequired[CalibrationUsed]
    """Written by `gap_filter`."""
    thresholds: NotRequired[Mapping[str, int | float | str]]
    """Those that the turn was decided by. Written by `gap_filter`."""
    allocation: NotRequired[Allocation]
    """Written by `budget`."""
    prompt: NotRequired[list[AnyMessage]]
    """What the model is sent. Written by `assemble`."""
    exchange: NotRequired[Exchange]
    """The turn's rounds of tools; of the latest turn that had any. Written by `respond`."""
    results: NotRequired[Annotated[Sequence[ToolResult], of_one_turn]]
    """Of the same turn. Written by `tools`, one call at a time."""
    fitting: NotRequired[Fitting]
    """Of the latest turn that needed it; see `graph.model.tool_rounds.fitting_of`. Written by `respond`."""
    reply: NotRequired[Reply]
    """Written by `respond`, and by `ground` when it corrects it."""
    grounding: NotRequired[Grounding]
    """Of the latest turn that called tools; see `tool_rounds.grounding_of`. Written by `ground`."""
    story: NotRequired[Annotated[Story, told_of_latest_turn]]
    """What each node of the turn did, in a few lines for people. Written by every node."""
    timings: NotRequired[Annotated[Timings, of_latest_turn]]
    """What each node of the turn took. Written by every node."""
    archived: NotRequired[Archived]
    """Written by `archive`."""
    unused: NotRequired[Sequence[Unused]]
    """Of the last turns. Written by `working`, as L2 has it, and by `archive` with this turn's own."""
