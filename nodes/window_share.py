"""What a turn's prompt may take of the model's context window."""

from dataclasses import dataclass
from datetime import tzinfo

from graph.context import TurnContext
from graph.model_window import ModelWindow
from graph.state import State, Turn
from graph.tools.toolbox import Toolbox
from memory.prompt import render_message
from memory.tokens import CountTokens
from memory.window import MARKS, Space, Wanted, share

_FENCE = 20
"""Tokens around recalled memories, and around each text that came with the message."""


@dataclass(frozen=True, slots=True)
class WindowShare:
    """Share the window between tools, identity and facts, memory and the message."""

    window: ModelWindow
    toolbox: Toolbox
    message_cap: int

    async def __call__(
        self, state: State, context: TurnContext, fixed: int, count: CountTokens, zone: tzinfo
    ) -> Space | None:
        """Return the shares of a turn whose identity and facts take `fixed`; None when no limit is known."""
        window, turn = await self.window.known(), state["turn"]
        if window is None:
            return None
        tools = await self.toolbox.offered(turn) if context.tool_rounds else {}
        wanted = Wanted(
            reply=self.window.reply_cap,
            fixed=fixed,
            message=min(_size(turn, count), self.message_cap),
            around=count(render_message("", (), turn.at, zone)) + _FENCE * (1 + len(turn.parts)) + 2 * MARKS,
            memory=context.l3_minimum + context.l2_floor,
            tools=await self.window.tool_sizes(tools),
        )
        return share(window, wanted)


def _size(turn: Turn, count: CountTokens) -> int:
    """Count the message and what came with it."""
    return count(turn.message) + sum(count(part.text) for part in turn.parts)
