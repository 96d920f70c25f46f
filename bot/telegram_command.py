"""`goat telegram` and `goat pair`: the bot's processes, and codes to let people in."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator

from rich.console import Console
from telegram.error import InvalidToken, TelegramError

from bot.telegram.access import CODE_SECONDS, Access, Role
from bot.telegram.application import build_application, close_application
from bot.telegram.keys import Keys
from bot.telegram.lanes import Lanes
from bot.telegram.part import Part
from bot.telegram.place import lane_of
from bot.telegram.running import REVOKED, check_settings, run_bot
from graph.layers import open_layers
from graph.settings import Settings
from memory.errors import ConfigError, GoatError

_RESTART_SECONDS = 2.0
_ENDING_SECONDS = 10.0


async def run_telegram(settings: Settings, *, workers: int, part: Part) -> None:
    """Run the bot in `workers` processes: this one, and others that answer, and begin again when they end."""
    check_settings(settings)
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(workers - 1):
            await stack.enter_async_context(_kept_running(settings.telegram_drain))
        await run_bot(settings, part)


async def run_dead(settings: Settings, *, retry: bool) -> None:
    """Try the messages that were given up once more, or delete them."""
    bot_id, _ = await bot_of(settings)
    async with open_layers(settings) as layers:
        lanes = Lanes(layers.redis.client, Keys(bot_id))
        count = await (lanes.retry_dead(lane_of) if retry else lanes.drop_dead())
    Console().print(f"{count} messages {'wait for an answer again' if retry else 'are deleted'}.")


async def run_pair(settings: Settings, *, admin: bool) -> None:
    """Print a code that lets somebody talk to the bot."""
    bot_id, name = await bot_of(settings)
    async with open_layers(settings) as layers:
        access = Access(layers.redis.client, Keys(bot_id), settings.admins, settings.telegram_rate)
        code = await access.new_code(Role.ADMIN if admin else Role.ALLOWED)
    role = "run the bot, and let others in" if admin else "talk to the bot"
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"Send @{name} this message within {CODE_SECONDS // 60} minutes, to {role}:")
    console.print(f"/start {code}", style="bold")
    console.print(f"or open https://t.me/{name}?start={code}", style="dim")


async def bot_of(settings: Settings) -> tuple[int, str]:
    """Ask Telegram for the id and the name of the bot that the token belongs to.

    Raises:
        GoatError: there is no token, Telegram refuses it, or it cannot be reached.
    """
    check_settings(settings)
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


@contextlib.asynccontextmanager
async def _kept_running(drain: float) -> AsyncIterator[None]:
    """Keep another process working for the time of the block, and then let it end in order."""
    running: list[Process] = []
    keeping = asyncio.create_task(_keep_running(running))
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), drain + _ENDING_SECONDS)


async def _keep_running(running: list[Process]) -> None:
    command = [sys.executable, "-m", "bot.cli", "telegram", "--part", Part.WORK.value]
    while True:
        process = await asyncio.create_subprocess_exec(*command, env=os.environ, start_new_session=True)
        running[:] = [process]
        await process.wait()
        await asyncio.sleep(_RESTART_SECONDS)
