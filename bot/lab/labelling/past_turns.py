"""Replayed past turns, for labels and for decisions with any thresholds."""

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from functools import lru_cache
from itertools import zip_longest

from bot.lab.labelling.candidates import offer_memories
from graph.layers import Layers
from graph.replay.replay_plan import Plan
from graph.replay.replay_run import ReplayedTurn
from graph.replay.replayer import Replayer
from graph.settings.context import TurnContext
from graph.state.recall import last_decisions
from graph.state.turn_state import State
from memory.models import Candidate, Decision
from memory.prompt.token_budget import CountTokens
from memory.provenance import Carrier
from memory.recall.relevance import Calibration, suits
from nodes.budget import BudgetInputs
from nodes.decision import decide

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
    """Memories to label, the most probable first; see `bot.lab.labelling.candidates`."""
    chances: Sequence[float] = field(repr=False)
    """Their probabilities with the settings in force."""
    state: State = field(repr=False)
    inputs: BudgetInputs = field(repr=False)
    """Inputs of its budget."""
    calibration: Calibration | None = field(default=None, repr=False)
    """The one in force, if it is not the packaged one."""
    recorded: frozenset[str] = frozenset()
    """Memories that it was shown at the time."""
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
    plan: Plan | None = None,
    on_turn: Callable[[], None] = lambda: None,
) -> list[PastTurn]:
    """Replay an owner's turns with the settings in force, oldest first; nothing is written.

    Args:
        layers: the stores to read.
        owner: owner of the turns.
        context: the settings in force, which also determine the searches.
        plan: the turns to replay; None for all.
        on_turn: called after each turn.
    """
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
        chances=tuple(decision.probability for decision in best),
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
    """Return the turns with memories to label, at random: one to test on, one to choose on, and so forth."""
    choosing, testing = (
        sorted(half, key=lambda turn: lot(turn.turn_id)) for half in halves([t for t in turns if t.offered])
    )
    return [turn for pair in zip_longest(testing, choosing) for turn in pair if turn]


def lot(*names: str) -> str:
    """Return a key that orders things randomly but reproducibly."""
    return hashlib.sha256("\0".join(names).encode("utf-8", "surrogatepass")).hexdigest()
