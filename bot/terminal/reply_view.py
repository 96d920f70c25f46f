"""Replies in the terminal: Markdown on a screen, plain text anywhere else."""

from types import ModuleType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from bot.printable import printable
from graph.state.turn_state import State

if TYPE_CHECKING:
    from bot.terminal.markdown import MarkdownReply


class PlainReply:
    """A reply as plain text, for files and other programs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._written = ""

    def write(self, piece: str) -> None:
        """Append a piece."""
        self._written += piece
        self._console.out(printable(piece), end="")

    def end(self) -> str:
        """End the last line; return the whole reply."""
        if self._written:
            self._console.print()
        return self._written


def reply_view(console: Console) -> "MarkdownReply | PlainReply":
    """Return a view for the next reply."""
    view: MarkdownReply | PlainReply
    view = load().MarkdownReply(console) if _is_screen(console) else PlainReply(console)
    return view


def print_reply(console: Console, text: str) -> None:
    """Print a whole reply."""
    console.print(load().Rendered(text) if _is_screen(console) else Text(printable(text)))


def print_exchange(console: Console, message: str, reply: str) -> None:
    """Print a message and its reply, if any."""
    console.print(Text(printable(f"> {message}"), style="dim"))
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
