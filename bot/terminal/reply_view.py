"""How the terminal shows replies: as Markdown on a screen, as they are written anywhere else."""

from types import ModuleType
from typing import Protocol

from rich.console import Console
from rich.text import Text

from bot.printable import printable
from graph.state.turn_state import State


class ReplyView(Protocol):
    """A reply while it is written."""

    def write(self, piece: str) -> None:
        """Show some more of it."""
        ...

    def end(self) -> str:
        """End its last line, and return the whole."""
        ...


class PlainReply:
    """A reply as it is written, without anything that a file or another program would stumble over."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._written = ""

    def write(self, piece: str) -> None:
        """Show some more of it."""
        self._written += piece
        self._console.out(printable(piece), end="")

    def end(self) -> str:
        """End its last line, and return the whole."""
        if self._written:
            self._console.print()
        return self._written


def reply_view(console: Console) -> ReplyView:
    """Return what shows the next reply on a console."""
    view: ReplyView = load().MarkdownReply(console) if _is_screen(console) else PlainReply(console)
    return view


def print_reply(console: Console, text: str) -> None:
    """Print a whole reply."""
    console.print(load().Rendered(text) if _is_screen(console) else Text(printable(text)))


def print_exchange(console: Console, message: str, reply: str) -> None:
    """Print what was said, and the reply, if there was one."""
    console.print(Text(printable(f"> {message}"), style="dim"))
    if reply:
        print_reply(console, reply)


def print_resumed(console: Console, state: State) -> None:
    """Print a turn that an earlier stop cut off, and that is finished now."""
    reply = state["reply"]
    console.print("A reply that was cut off is finished now:", style="dim")
    print_exchange(console, state["turn"].said, reply.text or reply.problem)


def load() -> ModuleType:
    """Import what renders Markdown, which takes a while the first time."""
    from bot.terminal import markdown  # noqa: PLC0415 - what renders Markdown takes a while to import

    return markdown


def _is_screen(console: Console) -> bool:
    return console.is_terminal and not console.is_dumb_terminal
