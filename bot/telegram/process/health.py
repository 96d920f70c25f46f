"""Health of the bot: its token, dead updates and access list; and the pairing codes of `goat pair`."""

from rich.console import Console
from telegram.error import InvalidToken, TelegramError

from bot.telegram.access.access import CODE_SECONDS, Access, Role
from bot.telegram.inbox.lanes import Lanes
from bot.telegram.process.application import build_application, close_application
from bot.telegram.process.bot_process import NOBODY, REVOKED, check_settings
from bot.telegram.turn_records import BotKeys
from graph.layers import Layers, open_layers
from graph.settings.settings import Settings
from memory.errors import ConfigError, GoatError

_DEAD_SHOWN = 3


async def check_bot(layers: Layers) -> str:
    """Check the bot and return a one-line status.

    Raises:
        GoatError: the token is refused, Telegram is down, updates were given up, or nobody has access.
    """
    settings = layers.settings
    bot_id, name = await identify(settings)
    keys = BotKeys(bot_id)
    lanes = Lanes(layers.redis.client, keys)
    access = Access(layers.redis.client, keys, settings.admins, settings.telegram_rate)
    if dead := await lanes.dead():
        raise GoatError(dead_text(dead))
    people = set(await access.people()) | access.admins
    if not people:
        raise GoatError(NOBODY)
    return f"@{name}, {len(people)} people may talk to it, {await lanes.waiting()} chats wait for an answer"


async def identify(settings: Settings) -> tuple[int, str]:
    """Return the id and name of the token's bot.

    Raises:
        GoatError: the token is refused, or Telegram is down.
    """
    app = build_application(settings)
    try:
        await app.bot.initialize()
    except InvalidToken:
        raise ConfigError(REVOKED) from None
    except TelegramError as error:
        raise GoatError(
            f"Telegram cannot be reached at {settings.telegram_api}: {error}. Try again."
        ) from None
    else:
        return app.bot.id, app.bot.username
    finally:
        await close_application(app)


def dead_text(dead: list[dict[str, object]]) -> str:
    """Describe the dead updates and what to do about them."""
    reasons = [f"{one.get('reason')} (after {one.get('tries')} tries)" for one in dead[:_DEAD_SHOWN]]
    return (
        f"{len(dead)} messages were given up: {'; '.join(reasons)}. `goat telegram --retry-dead` tries them "
        "once more, `--drop-dead` deletes them."
    )


async def run_pair(settings: Settings, *, admin: bool) -> None:
    check_settings(settings)
    bot_id, name = await identify(settings)
    async with open_layers(settings) as layers:
        access = Access(layers.redis.client, BotKeys(bot_id), settings.admins, settings.telegram_rate)
        code = await access.new_code(Role.ADMIN if admin else Role.ALLOWED)
    role = "run the bot, and let others in" if admin else "talk to the bot"
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"Send @{name} this message within {CODE_SECONDS // 60} minutes, to {role}:")
    console.print(f"/start {code}", style="bold")
    console.print(f"or open https://t.me/{name}?start={code}", style="dim")
