"""The bot process of `goat telegram`, from start to shutdown."""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import Any

from rich.console import Console
from telegram.error import InvalidToken, TelegramError

from bot.http_server import WEBHOOK_PATH, serve
from bot.media.media_reader import MediaReader
from bot.telegram.access.access import Access
from bot.telegram.bot_context import BotContext
from bot.telegram.gate.command_menu import set_menus
from bot.telegram.inbox.lanes import Lanes
from bot.telegram.outbox.courier import Courier, brief
from bot.telegram.outbox.outbox import Outbox
from bot.telegram.process.application import App, add_handlers, build_application, close_application
from bot.telegram.process.intake import ALLOWED_UPDATES, Leadership, Poller, Receiver
from bot.telegram.process.notice_handlers import move_forever, move_notice, move_reminders
from bot.telegram.process.workers import Dispatcher, Workers, sweep
from bot.telegram.texts import Texts
from bot.telegram.turn_records import BotKeys, TurnRecords
from graph.app import open_agent
from graph.runtime.agent import Agent
from graph.settings.settings import Settings
from memory.concurrency.tasks import end
from memory.errors import ConfigError, GoatError, TierUnavailable

UNCONFIGURED = (
    "No token is configured. Ask @BotFather in Telegram for a bot, and set GOAT_TELEGRAM_TOKEN. "
    "`make telegram-demo` tries the bot without one."
)
REVOKED = "Telegram refuses the token of GOAT_TELEGRAM_TOKEN. Ask @BotFather for a new one."
NOBODY = (
    "Nobody may talk to the bot yet. Run `goat pair --admin`, and send the bot /start with the code that it "
    "prints."
)
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
_PARENT_SECONDS = 1.0
logger = logging.getLogger(__name__)


class Duty(StrEnum):
    ALL = "all"
    INTAKE = "intake"
    """Receive updates."""
    WORK = "work"
    """Answer them."""


async def run_bot(settings: Settings, duty: Duty = Duty.ALL, parent: int = 0) -> None:
    """Run the bot until SIGTERM or SIGINT, or until the process `parent` ends (0: none).

    Raises:
        ConfigError: the token, webhook or listening address is wrong.
    """
    check_settings(settings)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    watch = asyncio.create_task(stop_with_parent(parent, stop))
    try:
        async with open_agent(settings, follow=True) as agent, open_bot(settings, agent) as (app, context):
            await _announce(context)
            await run_duty(app, context, duty, stop)
    finally:
        await end(watch)


async def stop_with_parent(parent: int, stop: asyncio.Event) -> None:
    """Set `stop` once `parent` has ended, since nothing would restart this process then."""
    while parent and os.getppid() == parent:  # noqa: ASYNC110 - the kernel sends no event
        await asyncio.sleep(_PARENT_SECONDS)
    if parent:
        logger.warning("The process that started this worker has ended, so it ends too.")
        stop.set()


def check_settings(settings: Settings) -> None:
    """Raise `ConfigError` if the bot cannot run with these settings."""
    if not settings.telegram_token.get_secret_value():
        raise ConfigError(UNCONFIGURED)
    if settings.telegram_webhook and not settings.telegram_webhook_secret.get_secret_value():
        raise ConfigError("A webhook needs GOAT_TELEGRAM_WEBHOOK_SECRET: 16 or more letters and digits.")
    if settings.telegram_webhook and not settings.telegram_listen:
        raise ConfigError("A webhook needs GOAT_TELEGRAM_LISTEN, such as 127.0.0.1:8443.")


@contextlib.asynccontextmanager
async def open_bot(settings: Settings, agent: Agent) -> AsyncIterator[tuple[App, BotContext]]:
    """Connect to Telegram, however long it takes, and build the bot."""
    app, media = build_application(settings), MediaReader(settings)
    try:
        await _until_reached(app.initialize)
        texts = await asyncio.to_thread(Texts.load, settings.data_folder / "translations")
        context = _bot_context(agent, app, media, texts)
        add_handlers(app, context)
        yield app, context
    finally:
        await media.aclose()
        await close_application(app)


def _bot_context(agent: Agent, app: App, media: MediaReader, texts: Texts) -> BotContext:
    settings, client, keys = agent.layers.settings, agent.layers.redis.client, BotKeys(app.bot.id)
    records, courier = TurnRecords(client, keys), Courier()
    return BotContext(
        agent=agent,
        settings=settings,
        me=app.bot.bot,
        bot=app.bot,
        keys=keys,
        lanes=Lanes(client, keys),
        records=records,
        access=Access(client, keys, settings.admins, settings.telegram_rate),
        courier=courier,
        outbox=Outbox(app.bot, courier, records),
        texts=texts,
        media=media,
    )


async def _until_reached(call: Callable[[], Awaitable[object]]) -> None:
    """Make a call to Telegram; retry until it succeeds."""
    pause = _FIRST_PAUSE
    while True:
        try:
            await call()
        except InvalidToken:
            raise ConfigError(REVOKED) from None
        except TelegramError as error:
            logger.warning("Telegram cannot be reached, retrying in %.0f s: %s", pause, brief(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        else:
            return


async def _announce(context: BotContext) -> None:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"GOAT 2.0 is @{context.me.username} in Telegram. Ctrl-C ends it.")
    with contextlib.suppress(TierUnavailable):
        if not context.access.admins and not await context.access.people():
            console.print(NOBODY, style="yellow")


async def run_duty(app: App, context: BotContext, duty: Duty, stop: asyncio.Event) -> None:
    """Run this process's duties until `stop` is set or one of them fails."""
    dispatcher = Dispatcher(app, context)
    workers = Workers(context.lanes, dispatcher, dispatcher.give_up, context.settings.telegram_parallel)
    async with contextlib.AsyncExitStack() as stack:
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(stop.wait(), name="stop")]
        if duty is not Duty.WORK:
            tasks += await _start_intake(context, stack)
            tasks.append(asyncio.create_task(set_menus(context), name="menu"))
        if duty is not Duty.INTAKE:
            tasks.append(asyncio.create_task(workers.run(), name="workers"))
            tasks.append(asyncio.create_task(_warm_up(context), name="prepare"))
            moving_notices = move_forever(partial(move_notice, context), "Notices of jobs", 0.5)
            moving_reminders = move_forever(partial(move_reminders, context), "Reminders", 1.0)
            tasks.append(asyncio.create_task(moving_notices, name="notifier"))
            tasks.append(asyncio.create_task(moving_reminders, name="reminders"))
            traces = sweep(context.agent.layers.redis, workers.private_done)
            tasks.append(asyncio.create_task(traces, name="traces"))
        lasting = [task for task in tasks if task.get_name() not in {"menu", "prepare"}]
        await asyncio.wait(lasting, return_when=asyncio.FIRST_COMPLETED)
        ended = await end(*tasks)
        await workers.drain(context.settings.telegram_drain)
        _raise_first(ended)


async def _start_intake(context: BotContext, stack: contextlib.AsyncExitStack) -> list["asyncio.Task[Any]"]:
    """Start receiving updates by webhook or polling."""
    settings, tasks = context.settings, list[asyncio.Task[Any]]()
    poller: Poller | None = None
    receiver = Receiver(context.lanes, settings.telegram_webhook_secret.get_secret_value())
    if not settings.telegram_webhook:
        poller = Poller(
            context.bot, context.lanes, Leadership(context.agent.layers.redis.client, context.keys)
        )
        await _set_webhook(context)
        tasks.append(asyncio.create_task(poller.run(), name="poller"))
    if settings.telegram_listen:
        receive = receiver if settings.telegram_webhook else None
        await stack.enter_async_context(
            serve(settings.telegram_listen, partial(_unavailable, context), receive)
        )
    if settings.telegram_webhook:
        await _set_webhook(context)
    return tasks


async def _set_webhook(context: BotContext) -> None:
    """Set or remove the webhook; pending updates are kept."""
    settings, bot = context.settings, context.bot
    call = partial(bot.delete_webhook, drop_pending_updates=False)
    if settings.telegram_webhook:
        url, secret = settings.telegram_webhook + WEBHOOK_PATH, settings.telegram_webhook_secret
        secret_token = secret.get_secret_value()
        call = partial(bot.set_webhook, url, secret_token=secret_token, allowed_updates=ALLOWED_UPDATES)
    await _until_reached(call)


async def _unavailable(context: BotContext) -> dict[str, str]:
    """Return the unavailable dependencies and their errors."""
    try:
        await context.lanes.waiting()
    except GoatError as error:
        return {"redis": str(error)}
    return {}


async def _warm_up(context: BotContext) -> None:
    """Warm up for the first turn and resume turns that a crash interrupted; failures are logged."""
    try:
        await context.agent.layers.warm_up(context.settings.owner)
        await context.agent.resume()
    except GoatError as error:
        logger.warning("%s", error)


def _raise_first(ended: Sequence[object]) -> None:
    for outcome in ended:
        if isinstance(outcome, InvalidToken):
            raise ConfigError(REVOKED)
        if isinstance(outcome, Exception):
            raise outcome
