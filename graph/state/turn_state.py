"""The state that flows between a turn's nodes. Each key's docstring names its writers.

A turn overwrites its keys, so a long thread's state stays bounded. Checkpoints return tuples as lists.
"""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Annotated, Any, NotRequired

from langchain_core.messages import AnyMessage
from pydantic import BeforeValidator
from typing_extensions import TypedDict

from graph.exchange import Exchange, Fitting, Grounding, ToolResult
from graph.state.reducers import Story, Timings, keep_latest, merge_results, merge_stories, merge_timings
from memory.models import Candidate, ConversationTurn, Decision, Fact, Outcome, QueryFacts, SearchReport, Seen
from memory.observation.observation import Shares
from memory.prompt.window import Space
from memory.provenance import Part, Spoken


def _id_of(value: object) -> object:
    """Return a turn's id; checkpoints of earlier versions hold the turn in full."""
    return value.get("turn_id") if isinstance(value, dict) else value


TurnId = Annotated[str, BeforeValidator(_id_of)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn(Spoken):
    """A turn's identity and message."""

    turn_id: str
    owner: str
    thread: str
    message: str
    """The owner's own words."""
    at: datetime
    parts: tuple[Part, ...] = ()
    """Texts that came with the message, and the one it replies to."""
    tags: Sequence[str] = ()
    """Stored with the episode, such as that the message is an edit."""
    private: bool = False
    """Store nothing of the turn."""
    answer: str | None = None
    """The reply, if not the model's; empty: the memories that are found."""
    experiment: bool = False
    """The turn runs as an experiment: only its checkpoints are written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeMeant:
    """A past time that the message refers to, half-open."""

    start: datetime
    end: datetime
    text: str
    """The words that name it."""
    alone: bool = False
    """The message names only a time, as in "what did we talk about yesterday?"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """Results of the archive search."""

    candidates: Sequence[Candidate] = ()
    """Best first."""
    query: QueryFacts = field(default_factory=QueryFacts)
    noise: Sequence[float] = ()
    """Quantiles of the null turns' best similarities in this archive, evenly spaced, ascending."""
    expanded: str = ""
    """The expanded query, when the message means nothing on its own."""
    keys: Sequence[str] = ()
    """Structural keys in the message."""
    times: TimeMeant | None = None
    carried: Sequence[str] = ()
    """Turn ids of the memories in the thread's previous prompt."""
    reports: dict[str, SearchReport] = field(default_factory=dict)
    """By mechanism."""
    asked_at: datetime | None = None
    """When the search began, by this machine's clock."""
    seen: Seen | None = None
    """Coverage of the archive by the search; None when the archive is empty or the search was late."""
    sought: dict[str, str] = field(default_factory=dict)
    """What each mechanism looked for, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """L0 as read."""

    text: str
    overridden: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactSheet:
    """L1 as read."""

    facts: Sequence[Fact] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """L2 as read: the latest turns of the thread, oldest first."""

    turns: Sequence[ConversationTurn] = ()
    opening: ConversationTurn | None = None
    """The thread's first turn, when it is not among `turns`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationUsed:
    """The calibration that turned evidence into probabilities."""

    name: str = ""
    """Its name in goat.toml; empty: the embedding model's default, or none with another rule."""
    problem: str = ""
    """Why the requested calibration was not used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation(Shares):
    """The token shares and the turns that they pay for; `graph.state.recall` resolves the ids to text."""

    conversation: Sequence[TurnId]
    """Conversation turns in the prompt, oldest first."""
    recalled: Sequence[TurnId]
    """Memories in the prompt, best first."""
    shortened: Sequence[ConversationTurn] = ()
    """Conversation turns that were cut, with the remaining text."""
    over_budget: Sequence[Decision] = ()
    """Relevant memories that did not fit."""
    extract: int = 0
    """Limit in characters on a memory's message and reply in a small window; 0: none."""


def _restore(self: Allocation, values: Sequence[Any]) -> None:
    """Read the values that Studio's server pickled, in order; `space` was formerly the last but one."""
    names, order = [one.name for one in fields(self)], list(values)
    place = names.index("space")
    if order[place] is not None and not isinstance(order[place], Space):
        order.insert(place, order.pop(-2))
    for name, value in zip(names, order, strict=True):
        object.__setattr__(self, name, value)


# Assigned afterwards: up to Python 3.11.2 at least, `dataclass` overwrites one in the class.
Allocation.__setstate__ = _restore  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The turn's reply."""

    text: str
    outcome: Outcome
    problem: str = ""
    """The error, and what to do about it."""
    model: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """Which stores the turn was written to."""

    turn_id: str
    conversation: bool
    """False when it was there already."""
    episode: bool
    """False when it was there already. Vectors are added later."""
    experiment: bool = False
    """The run was an experiment and wrote nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unused:
    """A memory that was in a recent prompt and that the reply did not use."""

    turn_id: str
    probability: float
    """Its probability of relevance then."""
    turns_left: int
    """Turns during which it needs a higher probability to be shown again."""


class TurnInput(TypedDict):
    """A turn's input."""

    messages: Annotated[list[AnyMessage], keep_latest]
    """The chat view; the last message is the one to answer, and its id is the turn's id.

    Written by the caller, by `respond`, by `tools`, and by `ground` when it corrects the reply.
    """


class State(TurnInput):
    """A turn, as far as it has run."""

    turn: NotRequired[Turn]
    """Written by `working`, and by `respond` to mark an experiment."""
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
    thresholds: NotRequired[Annotated[Mapping[str, int | float | str], operator.or_]]
    """The thresholds of the turn's decisions. Written by every node that has some, when it has run."""
    allocation: NotRequired[Allocation]
    """Written by `budget`."""
    prompt: NotRequired[list[AnyMessage]]
    """The messages sent to the model. Written by `assemble`."""
    exchange: NotRequired[Exchange]
    """Tool rounds of the latest turn that had any. Written by `respond`."""
    results: NotRequired[Annotated[Sequence[ToolResult], merge_results]]
    """Results of `exchange`. Written by `tools`, one call at a time."""
    fitting: NotRequired[Fitting]
    """Of the latest turn that needed fitting; see `tool_rounds.fitting_of`. Written by `respond`."""
    reply: NotRequired[Reply]
    """Written by `respond`, and by `ground` when it corrects it."""
    grounding: NotRequired[Grounding]
    """Of the latest turn that called tools; see `tool_rounds.grounding_of`. Written by `ground`."""
    story: NotRequired[Annotated[Story, merge_stories]]
    """A few lines from each node, for people. Written by every node."""
    timings: NotRequired[Annotated[Timings, merge_timings]]
    """Each node's time. Written by every node."""
    archived: NotRequired[Archived]
    """Written by `archive`."""
    unused: NotRequired[Sequence[Unused]]
    """Of the last turns. Written by `working` from L2, and by `archive` with this turn's added."""
