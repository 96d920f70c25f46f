"""Read L1, the owner's facts."""

from dataclasses import dataclass

from langgraph.runtime import Runtime

from graph.settings.context import TurnContext
from graph.state.circumstances import TurnReader
from graph.state.turn_state import FactSheet, State
from graph.state.updates import FactsUpdate
from memory.concurrency.tasks import read_or_problem
from memory.permanent.permanent_records import PermanentStore


@dataclass(frozen=True, slots=True)
class Facts:
    """Read the facts; if the tier is down or slow there are none, with the problem noted."""

    turns: TurnReader
    permanent: PermanentStore

    async def __call__(self, state: State, runtime: Runtime[TurnContext]) -> FactsUpdate:
        turn = self.turns(state, runtime)
        reading = self.permanent.facts(owner=turn.owner)
        facts, problem = await read_or_problem("facts", reading, runtime.context.prefetch_timeout)
        return {"fact_sheet": FactSheet(facts=tuple(facts or ()), problem=problem)}
