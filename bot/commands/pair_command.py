"""`goat pair`: one-time codes for new people."""

import asyncio
from typing import Annotated

import typer

from bot.commands.command_app import command_app, command_settings
from bot.telegram.process.pairing import run_pair

app = command_app()


@app.command()
def pair(
    admin: Annotated[bool, typer.Option("--admin", help="They may also let others in.")] = False,
) -> None:
    """Print a one-time code that lets somebody talk to the bot."""
    asyncio.run(run_pair(command_settings(), admin=admin))
