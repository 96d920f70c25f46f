"""Read L2, the thread's conversation, and identify the turn."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from langgraph.runtime import Runtime

from graph.settings.context import TurnContext
from graph.state.circumstances import TurnReader, with_time
from graph.state.experiment import ExperimentCheck
from graph.state.turn_state import Conversation, State, Turn, Unused
from graph.state.updates import WorkingUpdate
from memory.models import ConversationTurn
from memory.protocols import ConversationStore
from nodes.archive import Archive, needs_archiving


@dataclass(frozen=True, slots=True)
class Working:
    """Read the latest turns and the opening; the turn fails without this tier.

    A previous turn that was answered but not archived is archived first, unless either turn is an experiment.
    An experiment reads only turns from before its message.
    """

    turns: TurnReader
    conversations: ConversationStore
    archive: Archive
    experiments: ExperimentCheck = field(default_factory=ExperimentCheck)

    async def __call__(self, state: State, runtime: Runtime[TurnContext]) -> WorkingUpdate:
        turn = await self._turn(state, runtime)
        if needs_archiving(state) and not turn.experiment:
            await self._archive_late(state, runtime)
        window = await self.conversations.window(
            owner=turn.owner, thread=turn.thread, max_tokens=runtime.context.l2_cap
        )
        if turn.experiment:
            window = [past for past in window if past.at <= turn.at]
        before = [past for past in window if past.turn_id != turn.turn_id]
        earlier = tuple(past if past.in_vain is None else replace(past, in_vain=None) for past in before)
        opening = await self.conversations.opening(owner=turn.owner, thread=turn.thread) if earlier else None
        if opening is not None and opening.turn_id in {past.turn_id for past in earlier}:
            opening = None
        if opening is not None:
            opening = replace(opening, in_vain=None)
        conversation = Conversation(turns=earlier, opening=opening)
        return {"turn": turn, "conversation": conversation, "unused": recent_unused(before, state)}

    async def _turn(self, state: State, runtime: Runtime[TurnContext]) -> Turn:
        turn = self.turns(state, runtime)
        experiment, episode = await self.experiments.at_start(turn, runtime)
        if not experiment:
            return turn
        at = episode.at if episode else None
        return replace(self.turns(with_time(state, at), runtime), experiment=True)

    async def _archive_late(self, state: State, runtime: Runtime[TurnContext]) -> None:
        """Archive the previous turn, if its episode or its conversation entry is missing."""
        before = state["turn"]
        if before.experiment:
            return
        episode = await self.experiments.archived(before, runtime)
        if episode is None or await self.archive.complete(state, runtime):
            await self.archive.write(state, runtime.context)


def recent_unused(earlier: Sequence[ConversationTurn], state: State) -> Sequence[Unused]:
    """Return the unused memories as the latest turn in L2 recorded them.

    The thread's checkpoint may be an experiment's, so it counts only when L2 has no record.
    """
    noted = next((past.in_vain for past in reversed(earlier) if past.in_vain is not None), None)
    if noted is None:
        return state.get("unused", ())
    return [
        Unused(turn_id=turn_id, probability=probability, turns_left=turns_left)
        for turn_id, (probability, turns_left) in noted.items()
    ]
