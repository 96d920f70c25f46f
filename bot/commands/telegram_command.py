"""`goat telegram`: the bot's processes. `goat pair`: one-time codes for new people."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from typing import Annotated

import typer
from rich.console import Console

from bot.commands.command_app import command_settings, run_turns
from bot.telegram.inbox.lanes import Lanes
from bot.telegram.process.bot_process import Duty, check_settings, run_bot
from bot.telegram.process.health import identify, run_pair
from bot.telegram.turn_records import BotKeys
from graph.layers import open_layers
from graph.observability.logs import configure_logging
from graph.settings.settings import Settings

_RESTART_SECONDS = 2.0
_STOP_SECONDS = 10.0


def telegram(
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that answer.")] = 1,
    part: Annotated[Duty, typer.Option(help="This process's share of the work.")] = Duty.ALL,
    retry_dead: Annotated[
        bool, typer.Option("--retry-dead", help="Retry the messages that were given up, then exit.")
    ] = False,
    parent: Annotated[int, typer.Option(hidden=True, help="Process with which this one ends.")] = 0,
    drop_dead: Annotated[
        bool, typer.Option("--drop-dead", help="Delete the messages that were given up, then exit.")
    ] = False,
) -> None:
    """Run the Telegram bot."""
    settings = command_settings()
    if retry_dead or drop_dead:
        asyncio.run(run_dead(settings, retry=retry_dead))
        return
    with configure_logging(settings):
        run_turns(run_telegram(settings, workers=workers, part=part, parent=parent))


def pair(
    admin: Annotated[bool, typer.Option("--admin", help="They may also let others in.")] = False,
) -> None:
    """Print a one-time code that lets somebody talk to the bot."""
    asyncio.run(run_pair(command_settings(), admin=admin))


async def run_telegram(settings: Settings, *, workers: int, part: Duty, parent: int) -> None:
    """Run the bot here, and in `workers - 1` child processes that answer and are restarted when they end."""
    check_settings(settings)
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(workers - 1):
            await stack.enter_async_context(_worker(settings.telegram_drain))
        await run_bot(settings, part, parent)


async def run_dead(settings: Settings, *, retry: bool) -> None:
    """Retry the dead messages, or delete them."""
    check_settings(settings)
    bot_id, _ = await identify(settings)
    async with open_layers(settings) as layers:
        lanes = Lanes(layers.redis.client, BotKeys(bot_id))
        count = await (lanes.retry_dead() if retry else lanes.drop_dead())
    Console().print(f"{count} messages {'are queued again' if retry else 'are deleted'}.")


@contextlib.asynccontextmanager
async def _worker(drain: float) -> AsyncIterator[None]:
    """Run a worker process during the block, restarting it when it ends; then stop it gracefully."""
    environment = dict(os.environ)  # a copy: loading plugins removes secrets from os.environ
    running = asyncio.create_task(_run_forever(environment, drain))
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _run_forever(environment: Mapping[str, str], drain: float) -> None:
    command = [sys.executable, "-P", "-m", "bot.cli", "telegram", "--part", Duty.WORK.value]
    command += ["--parent", str(os.getpid())]
    while True:
        process = await asyncio.create_subprocess_exec(*command, env=environment, start_new_session=True)
        try:
            await process.wait()
            await asyncio.sleep(_RESTART_SECONDS)
        finally:
            with contextlib.suppress(ProcessLookupError, TimeoutError):
                process.send_signal(signal.SIGTERM)
                await asyncio.wait_for(process.wait(), drain + _STOP_SECONDS)
