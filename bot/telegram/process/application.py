"""The bot as python-telegram-bot knows it: which handler sees which update."""

import json
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from telegram import Bot, Update
from telegram.error import InvalidToken, TelegramError
from telegram.ext import (
    Application,
    ApplicationBuilder,
    ApplicationHandlerStop,
    CallbackQueryHandler,
    CommandHandler,
    MessageHandler,
    MessageReactionHandler,
    TypeHandler,
    filters,
)
from telegram.request import HTTPXRequest

from bot.pictures.painter import Painter
from bot.telegram.bot_context import BotContext
from bot.telegram.commands.admin_commands import AdminCommands
from bot.telegram.commands.reactions import Reactions
from bot.telegram.commands.read_commands import ReadCommands
from bot.telegram.commands.write_commands import FORGET, WriteCommands
from bot.telegram.gate.gate import Context, Gate, Handler
from bot.telegram.inbox.lanes import Claim, LaneLost, NotDelivered
from bot.telegram.jobs.job_commands import JobCommands
from bot.telegram.jobs.notifier import Notifying, is_notice
from bot.telegram.process.intake import update_of
from bot.telegram.process.workers import Unreadable
from bot.telegram.turns.approval_buttons import ALLOW
from bot.telegram.turns.approval_handler import ApprovalHandler
from bot.telegram.turns.turn_handler import TurnHandler
from graph.settings.settings import Settings

GATE, REST = -1, 0
_READ_SECONDS, _POLL_CONNECTIONS = 20.0, 2
_NEW = filters.UpdateType.MESSAGE & ~filters.FORWARDED & ~filters.VIA_BOT
_SAID = (filters.UpdateType.MESSAGE | filters.UpdateType.EDITED_MESSAGE) & ~filters.StatusUpdate.ALL
App = Application[Any, Any, Any, Any, Any, Any]
logger = logging.getLogger(__name__)


def build_application(settings: Settings) -> App:
    """Make the application, which takes its updates from the lanes and has no updater of its own."""
    request = HTTPXRequest(
        connection_pool_size=settings.telegram_parallel * 2 + 4, read_timeout=_READ_SECONDS
    )
    return (
        ApplicationBuilder()
        .token(settings.telegram_token.get_secret_value())
        .base_url(f"{settings.telegram_api.rstrip('/')}/bot")
        .base_file_url(f"{settings.telegram_api.rstrip('/')}/file/bot")
        .request(request)
        .get_updates_request(HTTPXRequest(connection_pool_size=_POLL_CONNECTIONS))
        .updater(None)
        .build()
    )


async def close_application(app: App) -> None:
    """Close its connections, also when it was never initialised to the end."""
    await app.shutdown()
    await app.bot.shutdown()
    await app.bot.request.shutdown()


def add_handlers(app: App, desk: BotContext) -> None:
    """Say which handler sees which update; what is forwarded or edited is no command."""
    converse = TurnHandler(desk)
    keeping = WriteCommands(desk, converse)
    painter = Painter(desk.settings.data_folder / "matplotlib")
    app.add_handler(TypeHandler(Update, Gate(desk)), GATE)
    for commands in (ReadCommands(desk, painter), keeping, JobCommands(desk), AdminCommands(desk)):
        for name, run in commands.commands().items():
            app.add_handler(CommandHandler(name, run, _NEW), REST)
    app.add_handler(CallbackQueryHandler(keeping.decide, pattern=rf"^{FORGET}:[^:]+:(yes|no)$"), REST)
    app.add_handler(CallbackQueryHandler(ApprovalHandler(desk), pattern=rf"^{ALLOW}:[^:]+:(yes|no)$"), REST)
    app.add_handler(CallbackQueryHandler(_unknown_button(desk)), REST)
    app.add_handler(MessageReactionHandler(Reactions(desk)), REST)
    app.add_handler(MessageHandler(_NEW & filters.COMMAND, _unknown_command(desk)), REST)
    app.add_handler(MessageHandler(filters.UpdateType.EDITED_MESSAGE & filters.COMMAND, _nothing), REST)
    app.add_handler(MessageHandler(_SAID, converse), REST)
    app.add_error_handler(_keep_failure(desk))


async def show_commands(desk: BotContext) -> None:
    """Put the commands into Telegram's menu, in every language; what fails is logged."""
    for language in ["", *(code for code in desk.texts.languages if len(code) == 2)]:  # noqa: PLR2004 - ISO 639-1
        try:
            await desk.bot.set_my_commands(desk.texts.commands(language), language_code=language or None)
        except TelegramError as error:
            logger.warning("The menu of commands could not be set: %s", error)
            return


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Give the update of a claim to the handlers, or a notice to whoever shows it; raise what they raise."""

    app: App
    desk: BotContext

    async def __call__(self, claim: Claim) -> None:
        """Deal with the update.

        Raises:
            Unreadable: it is none.
            NotDelivered: Telegram refuses the bot's token.
            Exception: whatever a handler raised.
        """
        try:
            await self._dealt_with(claim)
        except InvalidToken as error:
            raise NotDelivered("Telegram refuses the bot's token.") from error

    async def _dealt_with(self, claim: Claim) -> None:
        if is_notice(claim):
            await Notifying(self.desk)(claim)
            return
        update = read_update(claim.update, self.desk.bot)
        await self.app.process_update(update)
        failure = self.desk.failures.pop(update.update_id, None)
        if failure is not None:
            raise failure

    async def give_up(self, claim: Claim) -> None:
        """Leave in the claim what may be kept of its update, and tell whoever sent it that it is given up."""
        try:
            update = read_update(claim.update, self.desk.bot)
        except Unreadable:
            return
        message = update.message or update.edited_message
        private = message is not None and self.desk.read(message).private
        claim.private = private
        if private:
            claim.update = json.dumps({"update_id": update.update_id}).encode()
        if update.message is not None and await self.desk.trusts(update):
            await self.desk.reply(update, "private_failed" if private else "gave_up")


def read_update(raw: bytes, bot: Bot) -> Update:
    """Read a stored update.

    Raises:
        Unreadable: it is none, or not as Telegram makes them.
    """
    try:
        return Update.de_json(update_of(raw), bot)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise Unreadable(f"not an update as Telegram makes them: {type(error).__name__}: {error}") from error


def _unknown_command(desk: BotContext) -> Handler:
    async def say_so(update: Update, _: Context) -> None:
        message = update.effective_message
        words = (message.text or message.caption or "/") if message else "/"
        await desk.reply(
            update, "unknown_command", name=f"`{words.split()[0].split('@')[0].replace('`', '')[:40]}`"
        )

    return say_so


def _unknown_button(desk: BotContext) -> Handler:
    async def answer(update: Update, _: Context) -> None:
        await desk.toast(update, desk.say(update)("forget_expired"))

    return answer


async def _nothing(_: Update, __: Context) -> None:
    """Leave an edited command alone: it was carried out when it was sent."""


def _keep_failure(desk: BotContext) -> Callable[[object, Context], Coroutine[Any, Any, None]]:
    async def keep(update: object, context: Context) -> None:
        error = context.error
        if isinstance(update, Update) and error is not None:
            desk.failures[update.update_id] = error
            if not isinstance(error, LaneLost):
                logger.debug("A handler failed", exc_info=error)
        raise ApplicationHandlerStop

    return keep
