"""`goat setup`: configure the chat model and the Telegram bot."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bot.commands.command_app import command_settings
from bot.setup.dialogue import Questions, SetupCancelled, SetupOptions, read_secret, say
from bot.setup.flow import Setup
from bot.terminal.keyboard import is_terminal

_LEFT = "Nothing more was changed. Run `goat setup` again to continue."


def setup(  # noqa: PLR0913 - every answer is an option
    *,
    provider: Annotated[
        str, typer.Option(help="Provider (openai), server on this machine (ollama) or address (http://...).")
    ] = "",
    model: Annotated[str, typer.Option(help="Name of the model.")] = "",
    key_file: Annotated[
        Path | None, typer.Option(help="File with the key in its first line; - reads what is piped in.")
    ] = None,
    context: Annotated[
        int | None, typer.Option(min=0, help="The model's context window in tokens; 0: ask its server.")
    ] = None,
    telegram: Annotated[
        bool | None, typer.Option("--telegram/--no-telegram", help="Whether to connect a bot.")
    ] = None,
    telegram_token_file: Annotated[
        Path | None, typer.Option(help="File with the bot's token; - reads what is piped in.")
    ] = None,
    pair: Annotated[
        bool | None, typer.Option("--pair/--no-pair", help="Whether to print a pairing code for you.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; keep what no option sets.")] = False,
) -> None:
    """Choose the chat model and connect the Telegram bot.

    Both are saved in your configuration file. Keys are never given on the command line: type them, name a
    file, or set OPENAI_API_KEY and the like.
    """
    command_settings()
    options = SetupOptions(
        provider=provider,
        key=read_secret(key_file),
        model=model,
        context=context,
        telegram=telegram,
        token=read_secret(telegram_token_file),
        pair=pair,
    )
    if not run_setup(options, asks=not yes):
        raise typer.Exit(1)


def run_setup(options: SetupOptions, *, asks: bool) -> bool:
    """Apply the options, and ask for the rest; return False when the person left early."""
    console = Console(highlight=False, soft_wrap=True)
    try:
        asyncio.run(Setup(console, Questions(interactive=asks and is_terminal()))(options))
    except (SetupCancelled, KeyboardInterrupt):
        say(console, _LEFT, "dim")
        return False
    return True
