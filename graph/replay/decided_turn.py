"""What a turn's memory came to: as it is recorded, and as it is decided again."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from graph.explain.turn_observation import rounded_decisions, shares_of
from graph.settings.context import Thresholds, TurnContext
from graph.state.turn_state import State
from memory.observation.observation import Judged, Observation, Shares


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What a turn's memory came to."""

    shares: Shares
    judged: Sequence[Judged]

    @property
    def encoded(self) -> bytes:
        """Return it as it is kept, to compare byte for byte; not all versions kept what is superseded."""
        without = {1: {"__all__": {"superseded_by"}}}
        return _DECIDED.dump_json((self.shares, list(self.judged)), exclude=without)

    @property
    def shown(self) -> list[str]:
        """Return the turn ids of the memories that were shown, best first."""
        return [judged.turn_id for judged in self.judged if judged.kept]

    @property
    def kept(self) -> frozenset[str]:
        """Return the same ids without their order."""
        return frozenset(self.shown)


def recorded(observation: Observation) -> Decided:
    """Return what a turn's memory came to when it was answered."""
    return Decided(shares=observation.shares, judged=observation.decisions)


def decided(state: State) -> Decided:
    """Return what a state's memory came to."""
    allocation = state["allocation"]
    return Decided(
        shares=shares_of(allocation),
        judged=rounded_decisions(state["decisions"], allocation, state["recall"]),
    )


def context_of(observation: Observation) -> TurnContext:
    """Return what a turn was run with; a threshold that did not exist yet has its default."""
    known = {name: value for name, value in observation.thresholds.items() if name in Thresholds.model_fields}
    return TurnContext(owner=observation.owner, **known)


_DECIDED = TypeAdapter(tuple[Shares, list[Judged]])
