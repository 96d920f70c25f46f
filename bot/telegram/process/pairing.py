"""The pairing codes of `goat pair`."""

from rich.console import Console

from bot.telegram.access.access import CODE_SECONDS, Access, Role
from bot.telegram.process.bot_process import check_settings
from bot.telegram.process.health import identify
from bot.telegram.turn_records import Keys
from graph.layers import open_layers
from graph.settings.settings import Settings


async def run_pair(settings: Settings, *, admin: bool) -> None:
    """Print a pairing code."""
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
