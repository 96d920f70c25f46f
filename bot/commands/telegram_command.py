"""`goat telegram`: the bot's processes."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from typing import Annotated

import typer
from rich.console import Console

from bot.commands.command_app import command_app, command_settings
from bot.commands.garbage_collection import collect_seldom
from bot.telegram.inbox.lanes import Lanes
from bot.telegram.place import lane_of
from bot.telegram.process.bot_process import Duty, check_settings, run_bot
from bot.telegram.process.health import identify
from bot.telegram.turn_records import Keys
from graph.layers import open_layers
from graph.observability.logs import configure_logging
from graph.settings.settings import Settings

_RESTART_SECONDS = 2.0
_ENDING_SECONDS = 10.0
app = command_app()


@app.command()
def telegram(
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that answer.")] = 1,
    part: Annotated[Duty, typer.Option(help="What this process does of the work.")] = Duty.ALL,
    retry_dead: Annotated[
        bool, typer.Option("--retry-dead", help="Try what was given up again, and end.")
    ] = False,
    parent: Annotated[int, typer.Option(hidden=True, help="Process with which this one ends.")] = 0,
    drop_dead: Annotated[
        bool, typer.Option("--drop-dead", help="Delete what was given up, and end.")
    ] = False,
) -> None:
    """Run the Telegram bot."""
    settings = command_settings()
    if retry_dead or drop_dead:
        asyncio.run(run_dead(settings, retry=retry_dead))
        return
    collect_seldom()
    with configure_logging(settings):
        asyncio.run(run_telegram(settings, workers=workers, part=part, parent=parent))


async def run_telegram(settings: Settings, *, workers: int, part: Duty, parent: int) -> None:
    """Run the bot in `workers` processes: this one, and others that answer, and begin again when they end."""
    check_settings(settings)
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(workers - 1):
            await stack.enter_async_context(_kept_running(settings.telegram_drain))
        await run_bot(settings, part, parent)


async def run_dead(settings: Settings, *, retry: bool) -> None:
    """Try the messages that were given up once more, or delete them."""
    check_settings(settings)
    bot_id, _ = await identify(settings)
    async with open_layers(settings) as layers:
        lanes = Lanes(layers.redis.client, Keys(bot_id))
        count = await (lanes.retry_dead(lane_of) if retry else lanes.drop_dead())
    Console().print(f"{count} messages {'wait for an answer again' if retry else 'are deleted'}.")


@contextlib.asynccontextmanager
async def _kept_running(drain: float) -> AsyncIterator[None]:
    """Keep another process working for the time of the block, and then let it end in order."""
    running: list[Process] = []
    keeping = asyncio.create_task(_keep_running(running, dict(os.environ)))  # plugins lose secrets from it
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


async def _keep_running(running: list[Process], environment: Mapping[str, str]) -> None:
    command = [sys.executable, "-P", "-m", "bot.cli", "telegram", "--part", Duty.WORK.value]
    command += ["--parent", str(os.getpid())]
    while True:
        process = await asyncio.create_subprocess_exec(*command, env=environment, start_new_session=True)
        running[:] = [process]
        await process.wait()
        await asyncio.sleep(_RESTART_SECONDS)
