"""A turn in the terminal: the reply while it streams, Markdown on a screen, and its outcome."""

from contextlib import aclosing
from types import ModuleType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from bot.presentation import turn_screen as screen
from bot.printable import printable, show
from graph.events.turn_events import Events, Finished, Piece, Resumed, ToolsRequested, Waiting
from graph.model.tool_rounds import attachments
from graph.state.turn_state import State
from memory.models import Outcome

if TYPE_CHECKING:
    from bot.terminal.markdown import MarkdownReply

KEPT = "Your message is kept: just continue, or send it again."
KEPT_IN_PART = "The part on screen is kept."


class TurnView:
    def __init__(self, console: Console) -> None:
        self._console = console
        self.last: State | None = None
        """The latest finished turn."""

    async def show(self, stream: Events) -> Waiting | None:
        """Print a turn's events; tool calls and resumed turns start new lines.

        Returns:
            The approval that the turn waits for, if any.
        """
        view = reply_view(self._console)
        waiting: Waiting | None = None
        try:
            async with aclosing(stream):
                async for event in stream:
                    match event:
                        case Piece(text):
                            view.write(text)
                        case ToolsRequested(tools):
                            view.end()
                            view = reply_view(self._console)
                            show(self._console, f"· {', '.join(tools)}", "dim")
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
            show(self._console, reply.text)
        elif shown.strip() != reply.text.strip():
            print_reply(self._console, reply.text)
        for path in attachments(state):
            show(self._console, f"file: {path}", "dim")
        if reply.problem:
            show(self._console, f"{reply.problem} {KEPT_IN_PART if reply.text else KEPT}", "yellow")
        if reply.outcome is not Outcome.RECALLED and (line := screen.recalled_line(state)):
            self._console.print(line, style="dim")


class PlainReply:
    """A reply as plain text, for files and other programs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._written = ""

    def write(self, piece: str) -> None:
        self._written += piece
        self._console.out(printable(piece), end="")

    def end(self) -> str:
        """End the last line; return the whole reply."""
        if self._written:
            self._console.print()
        return self._written


def reply_view(console: Console) -> "MarkdownReply | PlainReply":
    view: MarkdownReply | PlainReply
    view = load().MarkdownReply(console) if _is_screen(console) else PlainReply(console)
    return view


def print_reply(console: Console, text: str) -> None:
    console.print(load().Rendered(text) if _is_screen(console) else Text(printable(text)))


def print_exchange(console: Console, message: str, reply: str) -> None:
    show(console, f"> {message}", "dim")
    if reply:
        print_reply(console, reply)


def print_resumed(console: Console, state: State) -> None:
    """Print a turn that was interrupted by an earlier stop and is finished now."""
    reply = state["reply"]
    console.print("A reply that was cut off is finished now:", style="dim")
    print_exchange(console, state["turn"].said, reply.text or reply.problem)


def load() -> ModuleType:
    """Import the Markdown renderer, which takes a tenth of a second the first time."""
    from bot.terminal import markdown  # noqa: PLC0415 - takes a tenth of a second

    return markdown


def _is_screen(console: Console) -> bool:
    return console.is_terminal and not console.is_dumb_terminal
