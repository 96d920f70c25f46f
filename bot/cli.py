"""The `goat` command."""

import importlib
import logging
import os
import sys
from typing import Any, NamedTuple

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.text import Text
from typer.core import TyperCommand, TyperGroup

from bot.printable import printable
from memory.errors import GoatError


class Command(NamedTuple):
    """A command's module, and its line in `goat --help`."""

    module: str
    """Its `app` is the command or command group."""
    summary: str


COMMANDS = {
    "chat": Command("bot.commands.chat_command", "Talk to the agent in this terminal."),
    "setup": Command(
        "bot.commands.setup_command",
        "Choose the chat model and connect the Telegram bot.",
    ),
    "doctor": Command(
        "bot.commands.doctor_command", "Check every part that the agent needs, and say how to repair it."
    ),
    "trust": Command(
        "bot.commands.trust_command",
        "Apply all settings in goat.toml and .env of this folder.",
    ),
    "import": Command("bot.commands.import_command", "Load conversations into an owner's archive."),
    "forget": Command(
        "bot.commands.erase_command", "Erase turns for ever, with everything derived from them."
    ),
    "reindex": Command("bot.commands.reindex_command", "Embed an owner's whole archive again."),
    "replay": Command(
        "bot.commands.replay_command",
        "Repeat the decisions of past turns, also with other settings.",
    ),
    "telegram": Command("bot.commands.telegram_command", "Run the Telegram bot."),
    "stats": Command("bot.commands.stats_command", "Show statistics of recent turns."),
    "mcp": Command("bot.commands.mcp_command", "Let other agents read the memory (MCP, read-only)."),
    "pair": Command("bot.commands.pair_command", "Print a one-time code that lets somebody talk to the bot."),
    "bench": Command("bot.commands.bench_command", "Measure the memory on labelled data."),
    "facts": Command("bot.commands.facts_command", "List facts, or copy them between stores."),
    "tune": Command("bot.commands.tune_command", "Write tuned settings to goat.toml, and undo that."),
}
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "1")
"""NumPy reads it on import. On the agent's small matrices, threads cost more than they save."""


class Commands(TyperGroup):
    """All commands by name. A command's module is imported only when it is called, which takes up to 2 s."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Import the command that is called; return it with its name and arguments."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command if name is None else load(name), rest


def load(name: str) -> Any:
    """Import a command."""
    return typer.main.get_command(importlib.import_module(COMMANDS[name].module).app)


goat = Commands(
    name="goat",
    rich_markup_mode=None,
    help="A personal agent with proactive, layered, verbatim memory.",
    no_args_is_help=True,
    commands={name: TyperCommand(name, help=command.summary) for name, command in COMMANDS.items()},
)


def main() -> None:
    """Run the command line; print a `GoatError` as one message."""
    os.environ.setdefault(*ONE_THREAD)
    console = Console(stderr=True)
    handler = RichHandler(console=console, show_path=False, show_time=False, level=logging.WARNING)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[handler])
    try:
        goat()
    except GoatError as error:
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        console.print(Text(printable(str(error)), style="red"))
        sys.exit(1)


if __name__ == "__main__":
    main()
