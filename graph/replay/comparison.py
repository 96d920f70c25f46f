"""Comparison of past turns as recorded with the same turns under other settings."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic_core import to_jsonable_python

from graph.replay.decided_turn import Selection
from graph.replay.replay_run import ReplayedTurn
from graph.state.turn_state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryChange:
    """A memory shown with one setting and not with the other."""

    turn_id: str
    at: datetime
    message: str
    probability: float
    rule: str
    """The rule that decides with the other setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedTurn:
    """A turn that would have got other memories."""

    turn_id: str
    at: datetime
    message: str
    added: Sequence[MemoryChange]
    removed: Sequence[MemoryChange]


@dataclass(slots=True, kw_only=True)
class Totals:
    """Sums over the turns with one setting."""

    memories: int = 0
    turns_with_memory: int = 0
    tokens_of_memory: int = 0
    tokens_of_conversation: int = 0
    liked: int = 0
    """Memories shown in turns whose answer people liked."""
    disliked: int = 0

    def add(self, selection: Selection, liking: bool | None) -> None:
        """Add a turn; `liking` is the feedback on its answer, None without any."""
        shown = len(selection.shown)
        self.memories += shown
        self.turns_with_memory += shown > 0
        self.tokens_of_memory += selection.shares.l3_used
        self.tokens_of_conversation += selection.shares.l2_used
        self.liked += shown if liking is True else 0
        self.disliked += shown if liking is False else 0


@dataclass(slots=True)
class Comparison:
    """Totals over replayed turns, and the turns that change.

    Args:
        likings: feedback on answers, by turn id.
    """

    likings: Mapping[str, bool] = field(default_factory=dict)
    turns: int = 0
    different: list[str] = field(default_factory=list)
    """Turns whose replay with their own settings differs from the record."""
    before: Totals = field(default_factory=Totals)
    """With the settings that each turn had, as recorded."""
    after: Totals = field(default_factory=Totals)
    changed: list[ChangedTurn] = field(default_factory=list)
    problems: Counter[str] = field(default_factory=Counter)
    """Number of turns by problem: a calibration that could not be used with the other settings."""

    def add(self, replayed: ReplayedTurn) -> None:
        turn_id = replayed.turn.observation.turn_id
        liking = self.likings.get(turn_id)
        self.turns += 1
        if not replayed.same:
            self.different.append(turn_id)
        self.before.add(replayed.recorded, liking)
        self.after.add(replayed.changed, liking)
        if (used := replayed.changed_state.get("calibration")) and used.problem:
            self.problems[used.problem] += 1
        if replayed.again.kept != replayed.changed.kept:
            self.changed.append(changed_turn(replayed))

    def as_json(self) -> dict[str, Any]:
        values: dict[str, Any] = to_jsonable_python(self, exclude={"likings"})
        values["not_decided_as_recorded"] = values.pop("different")
        return values


def changed_turn(replayed: ReplayedTurn) -> ChangedTurn:
    """Return which memories a turn gains and loses."""
    before, after = replayed.again, replayed.changed
    return ChangedTurn(
        turn_id=replayed.turn.observation.turn_id,
        at=replayed.turn.observation.at,
        message=replayed.turn.episode.said,
        added=_changes(
            [t for t in after.shown if t not in before.kept], replayed.changed_state, after, before
        ),
        removed=_changes([t for t in before.shown if t not in after.kept], replayed.state, after, before),
    )


def _changes(
    turn_ids: Iterable[str], state: State, after: Selection, before: Selection
) -> list[MemoryChange]:
    """Describe memories by the candidates of `state`; the rule of one no longer found is "not found"."""
    texts = {candidate.turn_id: candidate for candidate in state["recall"].candidates}
    last = {judged.turn_id: judged for judged in after.judged}
    earlier = {judged.turn_id: judged for judged in before.judged}
    return [
        MemoryChange(
            turn_id=turn_id,
            at=texts[turn_id].at,
            message=texts[turn_id].said or texts[turn_id].reply,
            probability=(last.get(turn_id) or earlier[turn_id]).probability,
            rule=last[turn_id].rule if turn_id in last else "not found",
        )
        for turn_id in turn_ids
        if turn_id in texts and (turn_id in last or turn_id in earlier)
    ]
