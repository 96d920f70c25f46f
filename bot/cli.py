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
    """Where a command is, and what `goat --help` says of it."""

    module: str
    """Its `app` is the command, or the group of commands."""
    summary: str


COMMANDS = {
    "chat": Command("bot.commands.chat_command", "Talk to the agent in this terminal."),
    "setup": Command(
        "bot.commands.setup_command",
        "Choose the chat model and connect the Telegram bot, and write that to your own configuration file.",
    ),
    "doctor": Command(
        "bot.commands.doctor_command", "Check every part that the agent stands on, and say what to do."
    ),
    "trust": Command(
        "bot.commands.trust_command",
        "Obey what goat.toml and .env of this folder set, for as long as they say the same.",
    ),
    "import": Command("bot.commands.import_command", "Load conversations into an owner's archive."),
    "reindex": Command("bot.commands.reindex_command", "Embed an owner's whole archive anew."),
    "replay": Command(
        "bot.commands.replay_command", "Decide past turns again, with other settings if need be."
    ),
    "telegram": Command("bot.commands.telegram_command", "Run the Telegram bot."),
    "stats": Command("bot.commands.stats_command", "Show what the turns of the last days add up to."),
    "mcp": Command("bot.commands.mcp_command", "Let other agents look at the memory (MCP, read-only)."),
    "pair": Command("bot.commands.pair_command", "Print a one-time code that lets somebody talk to the bot."),
    "bench": Command("bot.commands.bench_command", "Measure the memory on labelled data."),
    "facts": Command(
        "bot.commands.facts_command", "Look at facts, and copy them between stores; alone it lists them."
    ),
    "tune": Command(
        "bot.commands.tune_command", "Write tuned thresholds and calibrations, and take them back."
    ),
}
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "1")
"""For NumPy, which reads it on import: threads that share a small matrix wait longer than they work."""


class Commands(TyperGroup):
    """All commands by name; the module of one is imported when it is called.

    Each imports the parts of the agent that it uses: up to two seconds, which no other command waits for.
    """

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the command that is called, imported now, with its arguments."""
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
    """Run the command; errors that are meant for people are printed as one message."""
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
