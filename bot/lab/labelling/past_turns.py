"""Past turns on the archive as it was, to be labelled, and decided on again under any thresholds."""

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from functools import lru_cache

from bot.lab.labelling.candidates import offered
from graph.layers import Layers
from graph.replay.replayer import ReplayedTurn, Replayer
from graph.settings.context import TurnContext
from graph.state.resolution import last_decisions
from graph.state.turn_state import State
from memory.models import Candidate, Decision
from memory.recall.relevance import Calibration, suits
from memory.text.tokens import CountTokens
from nodes.budget import BudgetInputs
from nodes.decision import decide

COUNTED = 100_000
"""Texts whose tokens are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastTurn:
    """A turn of the archive, and everything that was found for it then."""

    turn_id: str
    day: str
    """In the user's time zone; turns of one day resemble each other, and are drawn and parted together."""
    at: datetime
    message: str
    offered: Sequence[Candidate] = field(repr=False)
    """What is labelled of it, the most probable first; see `bot.lab.labelling.candidates`."""
    chances: Sequence[float] = field(repr=False)
    """The probability of each, under the settings in force."""
    state: State = field(repr=False)
    inputs: BudgetInputs = field(repr=False)
    """Of its budget then."""
    calibration: Calibration | None = field(default=None, repr=False)
    """The one in force, when it is not the packaged one."""

    @property
    def lot(self) -> str:
        """Where the turn stands in an order that nobody chose."""
        return lot(self.turn_id)

    def decisions(self, context: TurnContext, calibration: Calibration | None = None) -> list[Decision]:
        """Return the last word on each candidate under other thresholds, perhaps by another calibration."""
        state = decide(self.state, context, self.inputs, calibration or self.calibration)
        return last_decisions(state["decisions"], state["allocation"])

    def shown(self, context: TurnContext, calibration: Calibration | None = None) -> list[str]:
        """Return the turn ids of what would be shown; what was shown in vain before stays as it was."""
        return [decision.turn_id for decision in self.decisions(context, calibration) if decision.kept]


async def past_turns(
    layers: Layers,
    owner: str,
    context: TurnContext,
    *,
    on_turn: Callable[[], None] = lambda: None,
) -> list[PastTurn]:
    """Replay an owner's turns with the settings in force, oldest first; nothing is written.

    Args:
        layers: where everything is read from.
        owner: whose turns.
        context: the settings in force; what is searched for follows from them.
        on_turn: called when one more is done.
    """
    replayer = Replayer(layers, owner, lambda then: context.model_copy(update={"owner": then.owner}))
    count, zone = lru_cache(COUNTED)(await layers.tokens.ready()), await layers.zone()
    named = await layers.live.find(context.gap_calibration) if context.gap_calibration else None
    found = []
    async for replayed in replayer.run(await replayer.plan()):
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
    """Return a replayed turn with what is to be labelled of it; `named` is the calibration in force."""
    state, turn = replayed.changed_state, replayed.turn
    calibration = named if named and suits(named, state["recall"].query.model) else None
    best = offered(state, context, calibration)
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
    )


def halves(turns: Collection[PastTurn]) -> tuple[list[PastTurn], list[PastTurn]]:
    """Part turns by time, whole days together: the earlier half to choose by, the later one to test on.

    Settings are chosen on the past and used on what comes later; so they are tested on what came later.
    """
    ordered = sorted(turns, key=lambda turn: (turn.day, turn.at, turn.turn_id))
    days = [turn.day for turn in ordered]
    border = min(dict.fromkeys(days), key=lambda day: abs(2 * days.index(day) - len(days)), default="")
    return [turn for turn in ordered if turn.day < border], [turn for turn in ordered if turn.day >= border]


def lot(*names: str) -> str:
    """Return what orders things as if by lot, and alike each time."""
    return hashlib.sha256("\0".join(names).encode("utf-8", "surrogatepass")).hexdigest()
