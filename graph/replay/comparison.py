"""What another setting would have changed in past turns."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from graph.replay.decided_turn import Decided
from graph.replay.replayer import Replayed
from graph.state.turn_state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A memory that is shown with one setting and not with the other."""

    turn_id: str
    at: datetime
    message: str
    probability: float
    rule: str
    """That decides with the other setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedTurn:
    """A turn that would have been shown other memories."""

    turn_id: str
    at: datetime
    message: str
    added: Sequence[Moved]
    removed: Sequence[Moved]


@dataclass(slots=True, kw_only=True)
class Side:
    """What the turns came to with one setting."""

    memories: int = 0
    turns_with_memory: int = 0
    tokens_of_memory: int = 0
    tokens_of_conversation: int = 0
    liked: int = 0
    """Memories shown in turns whose answer was liked."""
    disliked: int = 0

    def add(self, decided: Decided, liking: bool | None) -> None:
        """Count a turn, with what was thought of its answer."""
        shown = len(decided.shown)
        self.memories += shown
        self.turns_with_memory += shown > 0
        self.tokens_of_memory += decided.shares.l3_used
        self.tokens_of_conversation += decided.shares.l2_used
        self.liked += shown if liking is True else 0
        self.disliked += shown if liking is False else 0


@dataclass(slots=True)
class Comparison:
    """What replayed turns add up to.

    Args:
        likings: what people thought of answers, by turn id.
    """

    likings: Mapping[str, bool] = field(default_factory=dict)
    turns: int = 0
    different: list[str] = field(default_factory=list)
    """Turns that were not decided again as they are recorded, with the settings that they had."""
    before: Side = field(default_factory=Side)
    """As it is recorded."""
    after: Side = field(default_factory=Side)
    changed: list[ChangedTurn] = field(default_factory=list)
    problems: Counter[str] = field(default_factory=Counter)
    """Calibrations that could not serve with the other settings, with what did instead; in how many turns."""

    def add(self, replayed: Replayed) -> None:
        """Count a turn."""
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
        """Return plain values."""
        changed = [asdict(turn) for turn in self.changed]
        return {
            "turns": self.turns,
            "not_decided_as_recorded": self.different,
            "before": asdict(self.before),
            "after": asdict(self.after),
            "problems": dict(self.problems),
            "changed": _plain(changed),
        }


def changed_turn(replayed: Replayed) -> ChangedTurn:
    """Say which memories came and went."""
    before, after = replayed.again, replayed.changed
    return ChangedTurn(
        turn_id=replayed.turn.observation.turn_id,
        at=replayed.turn.observation.at,
        message=replayed.turn.episode.said,
        added=_moved([t for t in after.shown if t not in before.kept], replayed.changed_state, after, before),
        removed=_moved([t for t in before.shown if t not in after.kept], replayed.state, after, before),
    )


def _moved(turn_ids: Iterable[str], state: State, after: Decided, before: Decided) -> list[Moved]:
    """Describe memories that stand in `state`; one that is not found any more has no rule but that."""
    texts = {candidate.turn_id: candidate for candidate in state["recall"].candidates}
    last = {judged.turn_id: judged for judged in after.judged}
    earlier = {judged.turn_id: judged for judged in before.judged}
    return [
        Moved(
            turn_id=turn_id,
            at=texts[turn_id].at,
            message=texts[turn_id].said or texts[turn_id].reply,
            probability=(last.get(turn_id) or earlier[turn_id]).probability,
            rule=last[turn_id].rule if turn_id in last else "not found",
        )
        for turn_id in turn_ids
        if turn_id in texts and (turn_id in last or turn_id in earlier)
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
