"""The `goat` command."""

import importlib
import logging
import os
import sys
from typing import Any, NamedTuple

import typer
from rich.console import Console
from rich.logging import RichHandler
from typer.core import TyperCommand, TyperGroup

from bot.printable import show
from memory.errors import GoatError


class Command(NamedTuple):
    """A command's module and function or group there, and its line in `goat --help`."""

    module: str
    name: str
    summary: str


COMMANDS = {
    "chat": Command("chat_command", "chat", "Talk to the agent in this terminal."),
    "setup": Command("setup_command", "setup", "Choose the chat model and connect the Telegram bot."),
    "doctor": Command(
        "status_commands", "doctor", "Check every part that the agent needs, and say how to repair it."
    ),
    "trust": Command(
        "folder_commands", "trust_folder", "Apply all settings in goat.toml and .env of this folder."
    ),
    "import": Command(
        "export_commands",
        "import_",
        "Load an export, or conversations of other programs, into the memory.",
    ),
    "export": Command("export_commands", "export", "Write all of an owner's memory to a file."),
    "backup": Command("backup_command", "backup", "Back up the data folder, also while an agent runs."),
    "restore": Command("backup_command", "restore_", "Write a backup to an empty data folder."),
    "migrate": Command("migrate_command", "migrate", "Copy all data to servers, or back to a folder."),
    "forget": Command("erase_command", "forget", "Erase turns for ever, with everything derived from them."),
    "reindex": Command("reindex_command", "reindex", "Embed an owner's whole archive again."),
    "replay": Command(
        "replay_command", "replay", "Repeat the decisions of past turns, also with other settings."
    ),
    "telegram": Command("telegram_command", "telegram", "Run the Telegram bot."),
    "stats": Command("status_commands", "stats", "Show statistics of recent turns."),
    "serve": Command("server_commands", "serve", "Serve chat clients (OpenAI's API), with this memory."),
    "mcp": Command("server_commands", "mcp", "Let other agents read the memory (MCP, read-only)."),
    "pair": Command("telegram_command", "pair", "Print a one-time code that lets somebody talk to the bot."),
    "bench": Command("bench_command", "app", "Measure the memory on labelled data."),
    "facts": Command("facts_command", "app", "List facts, erase one, or copy them between stores."),
    "tune": Command("folder_commands", "app", "Write tuned settings to goat.toml, and undo that."),
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
    command = COMMANDS[name]
    found = getattr(importlib.import_module(f"bot.commands.{command.module}"), command.name)
    if isinstance(found, typer.Typer):
        return typer.main.get_command(found)
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(found)
    return typer.main.get_command(app)


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
        show(console, str(error), "red")
        sys.exit(1)


if __name__ == "__main__":
    main()
