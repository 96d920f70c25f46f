"""Replayed past turns, the memories to label in them, and decisions on them with any thresholds."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from functools import lru_cache
from itertools import zip_longest

from graph.layers import Layers
from graph.replay.replay_plan import ReplayPlan
from graph.replay.replay_run import ReplayedTurn
from graph.replay.replayer import Replayer
from graph.settings.context import TurnContext
from graph.state.recall import last_decisions
from graph.state.turn_state import State
from memory.models import Candidate, Decision
from memory.prompt.token_budget import CountTokens
from memory.provenance import Carrier
from memory.recall.gap_rules import GapRule
from memory.recall.relevance import Calibration, suits
from memory.tuning.tuning_result import Value
from nodes.budget import BudgetInputs, decide
from nodes.gap_filter import filter_candidates

OFFERED = 5
"""The most probable memories of a turn are always labelled, since a calibration learns from them."""
MOST_OFFERED = 12
"""Maximum number of labelled memories of a turn; others count for no setting."""
GRID: Mapping[str, Sequence[Value]] = {
    "gap_threshold": (0.2, 0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95),
    "gap_break": (1.0, 1.5, 2.0, 3.0, 5.0, 10.0),
}
"""Thresholds that can all be evaluated on one replay."""
_LEAST = min(value for value in GRID["gap_threshold"] if isinstance(value, float))
_UNBROKEN = 100.0


def offer_memories(state: State, context: TurnContext, calibration: Calibration | None) -> list[Decision]:
    """Return what the settings in force or a point of the grid would show, plus the most probable others.

    Ordered by probability, highest first.
    """
    every = _kept(state, _wide(context, 0.0), calibration)
    found = dict[str, Decision]()
    for some in (_kept(state, context, calibration), *_cuts(state, context, calibration, every)):
        found |= {decision.turn_id: decision for decision in some if decision.turn_id not in found}
    found |= {decision.turn_id: decision for decision in every[:OFFERED] if decision.turn_id not in found}
    return _by_probability(found.values())[:MOST_OFFERED]


def _cuts(
    state: State, context: TurnContext, calibration: Calibration | None, every: Sequence[Decision]
) -> Iterator[list[Decision]]:
    """Yield what is kept at each minimum probability: the grid's threshold and break have no other effect.

    A shorter list may keep what a longer one drops, such as a memory that a later one repeats.
    """
    for least in sorted({_LEAST, *(one.probability for one in every if one.probability > _LEAST)}):
        yield _kept(state, _wide(context, least), calibration)


def _wide(context: TurnContext, threshold: float) -> TurnContext:
    return context.model_copy(
        update={"gap_rule": GapRule.CALIBRATED, "gap_threshold": threshold, "gap_break": _UNBROKEN}
    )


def _kept(state: State, context: TurnContext, calibration: Calibration | None) -> list[Decision]:
    return _by_probability(one for one in filter_candidates(state, context, calibration) if one.kept)


def _by_probability(decisions: Iterable[Decision]) -> list[Decision]:
    return sorted(decisions, key=lambda decision: decision.probability, reverse=True)


COUNTED = 100_000
"""Number of texts whose token counts are cached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastTurn:
    """A past turn and its recall at that time."""

    turn_id: str
    day: str
    """In the user's time zone. Turns of one day are alike, so they are resampled and split together."""
    at: datetime
    message: str
    offered: Sequence[Candidate] = field(repr=False)
    """Memories to label, the most probable first; see `bot.lab.past.past_turns`."""
    state: State = field(repr=False)
    inputs: BudgetInputs = field(repr=False)
    calibration: Calibration | None = field(default=None, repr=False)
    """The one in force, if it is not the packaged one."""
    recorded: frozenset[str] = frozenset()
    """Turn ids of the memories that it showed at the time."""
    reproduced: bool = True
    """Its own settings decide as recorded."""
    imported: bool = False

    def decide(self, context: TurnContext, calibration: Calibration | None = None) -> State:
        """Return its state after the decisions with other thresholds or another calibration."""
        return decide(self.state, context, self.inputs, calibration or self.calibration)

    def decisions(self, context: TurnContext, calibration: Calibration | None = None) -> list[Decision]:
        """Return the final decision on each candidate with other thresholds or another calibration."""
        state = self.decide(context, calibration)
        return last_decisions(state["decisions"], state["allocation"])

    def shown(self, context: TurnContext, calibration: Calibration | None = None) -> list[str]:
        """Return the turn ids that would be shown; usage in earlier turns stays as recorded."""
        return [decision.turn_id for decision in self.decisions(context, calibration) if decision.kept]


async def past_turns(
    layers: Layers,
    owner: str,
    context: TurnContext,
    *,
    plan: ReplayPlan | None = None,
    on_turn: Callable[[], None] = lambda: None,
) -> list[PastTurn]:
    """Replay an owner's turns with the settings in force, oldest first, or those of a plan; write nothing."""
    replayer = Replayer(layers, owner, lambda then: context.model_copy(update={"owner": then.owner}))
    count, zone = lru_cache(COUNTED)(await layers.tokens.ready()), layers.zone
    named = await layers.live.find(context.gap_calibration) if context.gap_calibration else None
    found = []
    async for replayed in replayer.run(plan or await replayer.plan()):
        found.append(past_turn(replayed, context, count, zone, named))
        on_turn()
    return sorted(found, key=lambda turn: (turn.at, turn.turn_id))


def past_turn(
    replayed: ReplayedTurn,
    context: TurnContext,
    count: CountTokens,
    zone: tzinfo,
    named: Calibration | None = None,
) -> PastTurn:
    """Return a replayed turn with its memories to label; `named` is the calibration in force."""
    state, turn = replayed.changed_state, replayed.turn
    calibration = named if named and suits(named, state["recall"].query.model) else None
    best = offer_memories(state, context, calibration)
    by_id = {candidate.turn_id: candidate for candidate in state["recall"].candidates}
    return PastTurn(
        turn_id=turn.observation.turn_id,
        day=f"{turn.observation.at.astimezone(zone):%Y-%m-%d}",
        at=turn.observation.at,
        message=turn.episode.said,
        offered=tuple(by_id[decision.turn_id] for decision in best),
        state=state,
        inputs=BudgetInputs(turn.observation.shares.fixed, count, zone, turn.observation.shares.space),
        calibration=calibration,
        recorded=replayed.recorded.kept,
        reproduced=replayed.same,
        imported=turn.episode.carrier is Carrier.IMPORT,
    )


def halves(turns: Collection[PastTurn]) -> tuple[list[PastTurn], list[PastTurn]]:
    """Split turns by time, whole days together: the earlier half to choose on, the later to test on.

    As in use: settings are chosen on the past, and applied to what comes later.
    """
    ordered = sorted(turns, key=lambda turn: (turn.day, turn.at, turn.turn_id))
    days = [turn.day for turn in ordered]
    border = min(dict.fromkeys(days), key=lambda day: abs(2 * days.index(day) - len(days)), default="")
    return [turn for turn in ordered if turn.day < border], [turn for turn in ordered if turn.day >= border]


def draw_sample(turns: Collection[PastTurn]) -> list[PastTurn]:
    """Return the turns with memories to label in random order, alternately of the later and earlier half."""
    choosing, testing = (
        sorted(half, key=lambda turn: lot(turn.turn_id)) for half in halves([t for t in turns if t.offered])
    )
    return [turn for pair in zip_longest(testing, choosing) for turn in pair if turn]


def lot(*names: str) -> str:
    """Return a key that orders things randomly but reproducibly."""
    return hashlib.sha256("\0".join(names).encode("utf-8", "surrogatepass")).hexdigest()
