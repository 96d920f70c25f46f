"""A turn in the terminal: the reply while it streams, and its outcome."""

from collections.abc import AsyncIterator

from rich.console import Console
from rich.text import Text

from bot.presentation import turn_screen as screen
from bot.printable import printable
from bot.terminal.reply_view import print_reply, print_resumed, reply_view
from graph.events.turn_events import Event, Finished, Piece, Resumed, ToolsRequested, Waiting
from graph.model.tool_rounds import attachments
from graph.state.turn_state import State
from memory.models import Outcome

KEPT = "Your message is kept: just continue, or send it again."
KEPT_IN_PART = "The part on screen is kept."


class TurnView:
    """Shows turns, one at a time."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.last: State | None = None
        """The latest finished turn."""

    async def show(self, stream: AsyncIterator[Event]) -> Waiting | None:
        """Print a turn's events; tool calls and resumed turns start lines of their own.

        Returns:
            The approval that the turn waits for, if any.
        """
        view = reply_view(self._console)
        waiting: Waiting | None = None
        try:
            async for event in stream:
                match event:
                    case Piece(text):
                        view.write(text)
                    case ToolsRequested(tools):
                        view.end()
                        view = reply_view(self._console)
                        self._console.print(Text(f"· {printable(', '.join(tools))}", style="dim"))
                    case Resumed(state):
                        print_resumed(self._console, state)
                    case Waiting():
                        waiting = event
                    case Finished(state):
                        self.last = state
        finally:
            shown = view.end()
        if waiting is None and self.last is not None:
            self._end(self.last, shown)
        return waiting

    def _end(self, state: State, shown: str) -> None:
        reply = state["reply"]
        if shown and shown.strip() != reply.text.strip():
            self._console.print("Corrected:", style="dim")
        if reply.outcome is Outcome.RECALLED:
            self._console.print(Text(printable(reply.text)))
        elif shown.strip() != reply.text.strip():
            print_reply(self._console, reply.text)
        for path in attachments(state):
            self._console.print(Text(f"file: {path}", style="dim"))
        if reply.problem:
            screen.warn(self._console, f"{reply.problem} {KEPT_IN_PART if reply.text else KEPT}")
        if reply.outcome is not Outcome.RECALLED and (line := screen.recalled_line(state)):
            self._console.print(line, style="dim")
