"""`goat telegram`: the bot as a process, from its start to its orderly end."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

from rich.console import Console
from telegram.error import InvalidToken, TelegramError

from bot.http_server import WEBHOOK_PATH, serve
from bot.telegram.access.access import Access
from bot.telegram.bot_context import BotContext
from bot.telegram.inbox.lanes import Lanes
from bot.telegram.jobs.notifier import Notifier
from bot.telegram.media.media_reader import MediaReader
from bot.telegram.outbox.courier import Courier
from bot.telegram.outbox.outbox import Outbox
from bot.telegram.process.application import (
    App,
    Dispatcher,
    add_handlers,
    build_application,
    close_application,
    show_commands,
)
from bot.telegram.process.intake import ALLOWED_UPDATES, Leadership, Poller, Receiver
from bot.telegram.process.log_traces import sweep
from bot.telegram.process.role import Duty
from bot.telegram.process.workers import Workers
from bot.telegram.texts import Texts
from bot.telegram.turn_records import Keys, Records
from graph.app import open_agent
from graph.runtime.agent import Agent
from graph.settings.settings import Settings
from memory.concurrency.deadline import end
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
logger = logging.getLogger(__name__)


async def run_bot(settings: Settings, part: Duty = Duty.ALL) -> None:
    """Run the bot until SIGTERM or SIGINT.

    Raises:
        ConfigError: token, webhook or listening address are wrong; says what to do.
    """
    check_settings(settings)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_agent(settings, follow=True) as agent, open_bot(settings, agent) as (app, desk):
        await _announce(desk)
        await run_parts(app, desk, part, stop)


def check_settings(settings: Settings) -> None:
    """Raise `ConfigError` when the bot cannot run with these."""
    if not settings.telegram_token.get_secret_value():
        raise ConfigError(UNCONFIGURED)
    if settings.telegram_webhook and not settings.telegram_webhook_secret.get_secret_value():
        raise ConfigError("A webhook needs GOAT_TELEGRAM_WEBHOOK_SECRET: 16 or more letters and digits.")
    if settings.telegram_webhook and not settings.telegram_listen:
        raise ConfigError("A webhook needs GOAT_TELEGRAM_LISTEN, such as 127.0.0.1:8443.")


@contextlib.asynccontextmanager
async def open_bot(settings: Settings, agent: Agent) -> AsyncIterator[tuple[App, BotContext]]:
    """Connect to Telegram, however long that takes, and put the bot together."""
    app, media = build_application(settings), MediaReader(settings)
    try:
        await _connected(app)
        texts = await asyncio.to_thread(Texts.load, settings.data_folder / "translations")
        desk = _desk(agent, app, media, texts)
        add_handlers(app, desk)
        yield app, desk
    finally:
        await media.aclose()
        await close_application(app)


def _desk(agent: Agent, app: App, media: MediaReader, texts: Texts) -> BotContext:
    settings, client, keys = agent.layers.settings, agent.layers.redis.client, Keys(app.bot.id)
    records, courier = Records(client, keys), Courier()
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


async def _connected(app: App) -> None:
    pause = _FIRST_PAUSE
    while True:
        try:
            await app.initialize()
        except InvalidToken:
            raise ConfigError(REVOKED) from None
        except TelegramError as error:
            logger.warning("Telegram cannot be reached, trying again in %.0f s: %s", pause, error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        else:
            return


async def _announce(desk: BotContext) -> None:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"GOAT 2.0 is @{desk.me.username} in Telegram. Ctrl-C ends it.")
    with contextlib.suppress(TierUnavailable):
        if not desk.access.admins and not await desk.access.people():
            console.print(NOBODY, style="yellow")


async def run_parts(app: App, desk: BotContext, part: Duty, stop: asyncio.Event) -> None:
    """Run what this process does, until it is to stop or cannot go on."""
    dispatcher = Dispatcher(app, desk)
    workers = Workers(desk.lanes, dispatcher, dispatcher.give_up, desk.settings.telegram_parallel)
    async with contextlib.AsyncExitStack() as stack:
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(stop.wait(), name="stop")]
        if part is not Duty.WORK:
            tasks += await _take_in(desk, stack)
            tasks.append(asyncio.create_task(show_commands(desk), name="menu"))
        if part is not Duty.INTAKE:
            tasks.append(asyncio.create_task(workers.run(), name="workers"))
            tasks.append(asyncio.create_task(_prepare(desk), name="prepare"))
            tasks.append(asyncio.create_task(Notifier(desk).run(), name="notifier"))
            tasks.append(asyncio.create_task(sweep(desk, workers.private_left), name="traces"))
        lasting = [task for task in tasks if task.get_name() not in {"menu", "prepare"}]
        await asyncio.wait(lasting, return_when=asyncio.FIRST_COMPLETED)
        ended = await end(*tasks)
        await workers.drain(desk.settings.telegram_drain)
        _raise_first(ended)


async def _take_in(desk: BotContext, stack: contextlib.AsyncExitStack) -> list["asyncio.Task[Any]"]:
    """Begin to take updates in, by webhook or by asking."""
    settings, tasks = desk.settings, list[asyncio.Task[Any]]()
    poller: Poller | None = None
    receiver = Receiver(desk.lanes, settings.telegram_webhook_secret.get_secret_value())
    if not settings.telegram_webhook:
        poller = Poller(desk.bot, desk.lanes, Leadership(desk.agent.layers.redis.client, desk.keys))
        await _set_webhook(desk)
        tasks.append(asyncio.create_task(poller.run(), name="poller"))
    if settings.telegram_listen:
        receive = receiver if settings.telegram_webhook else None
        await stack.enter_async_context(serve(settings.telegram_listen, partial(_missing, desk), receive))
    if settings.telegram_webhook:
        await _set_webhook(desk)
    return tasks


async def _set_webhook(desk: BotContext) -> None:
    """Tell Telegram where to post, or that it will be asked; nothing that waits there is dropped."""
    settings = desk.settings
    while True:
        try:
            if settings.telegram_webhook:
                await desk.bot.set_webhook(
                    settings.telegram_webhook + WEBHOOK_PATH,
                    secret_token=settings.telegram_webhook_secret.get_secret_value(),
                    allowed_updates=ALLOWED_UPDATES,
                )
            else:
                await desk.bot.delete_webhook(drop_pending_updates=False)
        except InvalidToken:
            raise ConfigError(REVOKED) from None
        except TelegramError as error:
            logger.warning("The webhook could not be set, trying again: %s", error)
            await asyncio.sleep(_FIRST_PAUSE)
        else:
            return


async def _missing(desk: BotContext) -> dict[str, str]:
    """Return what keeps the bot from its work."""
    try:
        await desk.lanes.waiting()
    except GoatError as error:
        return {"redis": str(error)}
    return {}


async def _prepare(desk: BotContext) -> None:
    """Load what the first turn would wait for, and finish what a crash left; what fails is logged."""
    try:
        await desk.agent.layers.warm_up(desk.settings.owner)
        await desk.agent.resume()
    except GoatError as error:
        logger.warning("%s", error)


def _raise_first(ended: Sequence[object]) -> None:
    for outcome in ended:
        if isinstance(outcome, InvalidToken):
            raise ConfigError(REVOKED)
        if isinstance(outcome, Exception):
            raise outcome
