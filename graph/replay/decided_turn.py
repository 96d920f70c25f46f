"""The memories selected for a turn: as recorded, and as replayed."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from graph.observability.turn_recorder import rounded_decisions, shares_of
from graph.settings.context import Thresholds, TurnContext
from graph.state.turn_state import State
from memory.observation.observation import Judged, Observation, Shares


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The decisions on a turn's memories, and how its tokens were divided."""

    shares: Shares
    judged: Sequence[Judged]

    @property
    def encoded(self) -> bytes:
        """Return it as JSON to compare byte for byte, without what earlier versions did not store."""
        without = {1: {"__all__": {"superseded_by"}}}
        return _DECIDED.dump_json((self.shares, list(self.judged)), exclude=without)

    @property
    def shown(self) -> list[str]:
        """Return the turn ids of the memories shown, best first."""
        return [judged.turn_id for judged in self.judged if judged.kept]

    @property
    def kept(self) -> frozenset[str]:
        """Return the ids in `shown` as a set."""
        return frozenset(self.shown)


def selection_of(state: State) -> Selection:
    allocation = state["allocation"]
    return Selection(
        shares=shares_of(allocation),
        judged=rounded_decisions(state["decisions"], allocation, state["recall"]),
    )


def context_of(observation: Observation) -> TurnContext:
    """Return the context that a turn ran with; thresholds added since then have their defaults."""
    known = {name: value for name, value in observation.thresholds.items() if name in Thresholds.model_fields}
    return TurnContext(owner=observation.owner, **known)


_DECIDED = TypeAdapter(tuple[Shares, list[Judged]])
