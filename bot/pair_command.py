"""`goat pair`: codes to let people in."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from bot.command import command_app, command_settings
from bot.telegram.access import CODE_SECONDS, Access, Role
from bot.telegram.checking import identify
from bot.telegram.records import Keys
from bot.telegram.running import check_settings
from graph.layers import open_layers
from graph.settings import Settings

app = command_app()


@app.command()
def pair(
    admin: Annotated[bool, typer.Option("--admin", help="They may also let others in.")] = False,
) -> None:
    """Print a one-time code that lets somebody talk to the bot."""
    asyncio.run(run_pair(command_settings(), admin=admin))


async def run_pair(settings: Settings, *, admin: bool) -> None:
    """Print a code that lets somebody talk to the bot."""
    check_settings(settings)
    bot_id, name = await identify(settings)
    async with open_layers(settings) as layers:
        access = Access(layers.redis.client, Keys(bot_id), settings.admins, settings.telegram_rate)
        code = await access.new_code(Role.ADMIN if admin else Role.ALLOWED)
    role = "run the bot, and let others in" if admin else "talk to the bot"
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"Send @{name} this message within {CODE_SECONDS // 60} minutes, to {role}:")
    console.print(f"/start {code}", style="bold")
    console.print(f"or open https://t.me/{name}?start={code}", style="dim")
