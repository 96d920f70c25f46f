"""Read L2, the thread's conversation, and identify the turn."""

from dataclasses import dataclass, replace

from langgraph.runtime import Runtime

from graph.settings.context import TurnContext
from graph.state.circumstances import TurnReader
from graph.state.turn_state import Conversation, State, Turn, Unused
from graph.state.updates import WorkingUpdate
from memory.protocols import ConversationStore
from nodes.archive import Archive, needs_archiving


@dataclass(frozen=True, slots=True)
class Working:
    """Read the latest turns and the opening; the turn fails without this tier.

    A previous turn that was answered but not archived is archived first.
    """

    turns: TurnReader
    conversations: ConversationStore
    archive: Archive

    async def __call__(self, state: State, runtime: Runtime[TurnContext]) -> WorkingUpdate:
        turn = self.turns(state, runtime)
        if needs_archiving(state):
            await self.archive.finish(state, runtime)
        await self.archive.begin(turn)
        return await self.read(turn, state, runtime)

    async def read(self, turn: Turn, state: State, runtime: Runtime[TurnContext]) -> WorkingUpdate:
        window = await self.conversations.window(
            owner=turn.owner, thread=turn.thread, max_tokens=runtime.context.l2_cap
        )
        before = [past for past in window if past.turn_id != turn.turn_id]
        earlier = tuple(past if past.in_vain is None else replace(past, in_vain=None) for past in before)
        opening = await self.conversations.opening(owner=turn.owner, thread=turn.thread) if earlier else None
        if opening is not None and opening.turn_id in {past.turn_id for past in earlier}:
            opening = None
        if opening is not None:
            opening = replace(opening, in_vain=None)
        conversation = Conversation(turns=earlier, opening=opening)
        # The checkpoint may be an experiment's: its `unused` counts only if L2 has no record.
        noted = next((past.in_vain for past in reversed(before) if past.in_vain is not None), None)
        unused = state.get("unused", ())
        if noted is not None:
            unused = [
                Unused(turn_id=turn_id, probability=probability, turns_left=turns_left)
                for turn_id, (probability, turns_left) in noted.items()
            ]
        return {"turn": turn, "conversation": conversation, "unused": unused}
