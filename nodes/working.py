"""L2: read the conversation of this thread, and note which turn this is."""

from dataclasses import dataclass

from langgraph.runtime import Runtime

from graph.context import TurnContext
from graph.state import Conversation, State
from graph.turn import TurnReader
from graph.updates import WorkingUpdate
from memory.protocols import ConversationStore
from nodes.archive import Archive, is_cut_off


@dataclass(frozen=True, slots=True)
class Working:
    """Read the latest turns and the opening; the turn cannot go on without this tier.

    A turn before this one that was answered and cut off before its archive is archived first.
    """

    turns: TurnReader
    conversations: ConversationStore
    archive: Archive

    async def __call__(self, state: State, runtime: Runtime[TurnContext]) -> WorkingUpdate:
        turn = self.turns(state, runtime)
        if is_cut_off(state):
            await self.archive(state, runtime)
        window = await self.conversations.window(
            owner=turn.owner, thread=turn.thread, max_tokens=runtime.context.l2_cap
        )
        earlier = tuple(past for past in window if past.turn_id != turn.turn_id)
        opening = await self.conversations.opening(owner=turn.owner, thread=turn.thread) if earlier else None
        if opening is not None and opening.turn_id in {past.turn_id for past in earlier}:
            opening = None
        return {"turn": turn, "conversation": Conversation(turns=earlier, opening=opening)}
