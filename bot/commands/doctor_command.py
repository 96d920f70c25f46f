"""`goat doctor`: check every part that the agent needs."""

import asyncio

import typer

from bot.commands.command_app import command_app
from bot.doctor import run_doctor

app = command_app()


@app.command()
def doctor() -> None:
    """Check every part that the agent needs, and say how to repair it.

    Python, the data folder, the stores, the embedding model, plugins, the chat model, the Telegram bot.
    """
    raise typer.Exit(asyncio.run(run_doctor()))
