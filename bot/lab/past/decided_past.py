"""Past turns as decided with some thresholds, compared with those in force, and in groups."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

import pandas as pd

from bot.lab.past.labels import Labels
from bot.lab.past.past_turns import PastTurn
from bot.lab.widgets import Table
from bot.printable import printable
from graph.explain.explanation import explain_decision
from graph.settings.context import TurnContext
from graph.state.recall import last_decisions
from graph.state.turn_state import State
from memory.models import Decision
from memory.text import marks
from memory.tuning.curves import OperatingPoint, measure
from memory.tuning.resampling import NO_INTERVAL, Estimate

SIZES = (10, 100, 1000, 10_000)
"""Upper limits of the groups of archive sizes, in turns."""


class Kind(StrEnum):
    """The kind of a message: the first that fits."""

    SMALL_TALK = "small talk"
    FOLLOW_UP = "follow-up"
    """Depends on the messages before it."""
    KEY = "names a key"
    TIME = "names a time"
    QUESTION = "question"
    STATEMENT = "statement"


def kind_of(turn: PastTurn) -> Kind:
    """Return the kind of a turn's message, as its search read it."""
    recall = turn.state["recall"]
    found = {
        Kind.SMALL_TALK: recall.query.small_talk,
        Kind.FOLLOW_UP: bool(recall.expanded),
        Kind.KEY: bool(recall.keys),
        Kind.TIME: recall.times is not None,
        Kind.QUESTION: marks.asks(turn.message),
    }
    return next((kind for kind, fits in found.items() if fits), Kind.STATEMENT)


def language_of(turn: PastTurn) -> str:
    """Return the language with the most stop words in a turn's message; "unknown" for none or a tie."""
    return marks.language(turn.message) or "unknown"


def size_of(turn: PastTurn) -> str:
    """Return the group of the archive's size at that time."""
    size = turn.state["recall"].query.documents
    limit = next((limit for limit in SIZES if size <= limit), None)
    return f"over {SIZES[-1]:,} turns" if limit is None else f"up to {limit:>6,} turns"


GROUPS: Mapping[str, Callable[[PastTurn], str]] = {
    "language": language_of,
    "kind": kind_of,
    "archive": size_of,
}
"""The groups by name."""


COLUMNS = [
    *("turn", "at", "message", "memory", "memory_at", "text", "shown", "shown_in_force", "probability"),
    *("why", "helps", "rank", "cosine", "standing", "lexical", "coverage"),
]
TURN_COLUMNS = {
    **dict.fromkeys(("turn", "at", "day", "thread", "message", "language", "kind"), object),
    **{"imported": bool, "archive": int, "found": int, "shown": int, "recorded": int},
    **{"reproduced": bool, "labelled": bool},
}
"""Columns of the table of all turns, with the types that they have in an empty one."""


@dataclass(frozen=True)
class DecidedTurn:
    turn: PastTurn
    state: State = field(repr=False)

    @cached_property
    def decisions(self) -> dict[str, Decision]:
        """The last decision on each memory, by its turn id, kept ones first."""
        found = last_decisions(self.state["decisions"], self.state["allocation"])
        return {one.turn_id: one for one in found}

    @cached_property
    def shown(self) -> list[str]:
        """Turn ids of the memories shown, best first."""
        return [turn_id for turn_id, one in self.decisions.items() if one.kept]


@dataclass(frozen=True, repr=False)
class Decided:
    """All past turns with some thresholds; tables are pandas DataFrames."""

    context: TurnContext
    turns: Sequence[DecidedTurn] = field(repr=False)
    in_force: Sequence[DecidedTurn] = field(repr=False)
    """The same turns with the settings in force."""
    labels: Labels = field(repr=False)

    @property
    def memories(self) -> pd.DataFrame:
        """A row for each memory found: its decision, its evidence and its current label."""
        found = self._found.copy()
        pairs = zip(found["turn"], found["memory"], strict=True)
        found["helps"] = pd.array([self.labels.of(*pair) for pair in pairs], dtype="boolean")
        return found

    @cached_property
    def _found(self) -> pd.DataFrame:
        rows = (row for now, then in self._pairs() for row in _memory_rows(now, then))
        return pd.DataFrame(rows, columns=COLUMNS).astype({"shown": bool, "shown_in_force": bool})

    @property
    def changes(self) -> pd.DataFrame:
        """The memories that come (+) or go (-) compared with the settings in force."""
        found = self.memories
        changed = found[found["shown"] != found["shown_in_force"]].copy()
        changed.insert(0, "change", changed["shown"].map({True: "+", False: "-"}))
        return changed.reset_index(drop=True)

    @property
    def false_positives(self) -> pd.DataFrame:
        """Memories shown although they do not help, by the labels."""
        found = self.memories
        return found[found["shown"] & ~found["helps"].fillna(value=True)]

    @property
    def misses(self) -> pd.DataFrame:
        """Memories not shown although they help, by the labels."""
        found = self.memories
        return found[~found["shown"] & found["helps"].fillna(value=False)]

    @cached_property
    def budgets(self) -> pd.DataFrame:
        """A row for each turn: tokens of its budget, and what its layers took."""
        names = ("total", "fixed", "l2_used", "l3_used")
        return pd.DataFrame(
            [[getattr(one.state["allocation"], name) for name in names] for one in self.turns],
            index=pd.Index([one.turn.turn_id for one in self.turns], name="turn"),
            columns=["budget", "identity and facts", "conversation", "memory"],
        )

    @property
    def point(self) -> OperatingPoint | None:
        """The metrics on the labelled turns; None without any."""
        done = [one for one in self.turns if self.labels.done(one.turn)]
        counts = [self.labels.labelled(one.turn).counts(one.shown) for one in done]
        return measure(counts, self.context.gap_threshold) if counts else None

    def __repr__(self) -> str:
        """Describe it as a table of text."""
        return str(self._table())

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()

    def _table(self) -> Table:
        before = Decided(self.context, self.in_force, self.in_force, self.labels)
        rows = [
            (name, then, now) for (name, then), (_, now) in zip(_figures(before), _figures(self), strict=True)
        ]
        changes = self.changes
        come = int((changes["change"] == "+").sum())
        return Table(
            ("", "in force", "with these"),
            [*rows, ("memories that come / go", "", f"{come} / {len(changes) - come}")],
        )

    def _pairs(self) -> Iterator[tuple[DecidedTurn, DecidedTurn]]:
        return zip(self.turns, self.in_force, strict=True)


def _figures(decided: Decided) -> Iterator[tuple[str, str]]:
    turns, budgets, point = decided.turns, decided.budgets, decided.point
    yield "turns with a memory", f"{sum(bool(one.shown) for one in turns)} of {len(turns)}"
    yield "memories shown", str(sum(len(one.shown) for one in turns))
    for name in ("memory", "conversation"):
        yield f"tokens of {name} a turn", f"{budgets[name].mean():.0f}" if len(budgets) else ""
    if point is not None:
        yield "coverage (95 %)", _percent(point.answered)
        yield "recall of what helps (95 %)", _percent(point.recall)
        yield "noise among what is shown (95 %)", _percent(point.noise)
        yield "utility of a turn", f"{point.utility.value:+.3f}"


def _percent(found: Estimate | None) -> str:
    if found is None:
        return ""
    within = f"{found.low:.0%} to {found.high:.0%}" if found.bounded else NO_INTERVAL
    return f"{found.value:.0%} ({within})"


def turn_row(one: DecidedTurn, *, labelled: bool) -> dict[str, object]:
    """Return the row of a turn in the table of all turns."""
    turn, recall = one.turn, one.turn.state["recall"]
    return {
        "turn": turn.turn_id,
        "at": turn.at,
        "day": turn.day,
        "thread": turn.state["turn"].thread,
        "message": printable(turn.message),
        "language": language_of(turn),
        "kind": kind_of(turn).value,
        "imported": turn.imported,
        "archive": recall.query.documents,
        "found": len(recall.candidates),
        "shown": len(one.shown),
        "recorded": len(turn.recorded),
        "reproduced": turn.reproduced,
        "labelled": labelled,
    }


def _memory_rows(now: DecidedTurn, then: DecidedTurn) -> Iterator[dict[str, object]]:
    turn, before = now.turn, set(then.shown)
    for candidate in turn.state["recall"].candidates:
        decision, evidence = now.decisions.get(candidate.turn_id), candidate.evidence
        yield {
            "turn": turn.turn_id,
            "at": turn.at,
            "message": printable(turn.message),
            "memory": candidate.turn_id,
            "memory_at": candidate.at,
            "text": printable("\n".join(filter(None, (candidate.said, candidate.reply)))),
            "shown": bool(decision and decision.kept),
            "shown_in_force": candidate.turn_id in before,
            "probability": decision.probability if decision else float("nan"),
            "why": explain_decision(decision) if decision else "",
            "rank": candidate.rank,
            "cosine": evidence.cosine,
            "standing": evidence.standing,
            "lexical": evidence.lexical,
            "coverage": evidence.coverage,
        }
