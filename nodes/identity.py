"""Read L0, the agent's persona for this owner."""

from dataclasses import dataclass

from langgraph.runtime import Runtime

from graph.settings.context import TurnContext
from graph.state.circumstances import TurnReader
from graph.state.turn_state import Persona, State
from graph.state.updates import IdentityUpdate
from memory.concurrency.tasks import read_or_problem
from memory.permanent.permanent_records import PermanentStore


@dataclass(frozen=True, slots=True)
class Identity:
    """Read the owner's persona; without one, or if the tier is down, use the configured persona."""

    turns: TurnReader
    permanent: PermanentStore
    persona: str

    async def __call__(self, state: State, runtime: Runtime[TurnContext]) -> IdentityUpdate:
        turn = self.turns(state, runtime)
        reading = self.permanent.identity(owner=turn.owner)
        override, problem = await read_or_problem("identity", reading, runtime.context.prefetch_timeout)
        text = override if override else self.persona
        return {"persona": Persona(text=text, overridden=bool(override), problem=problem)}
