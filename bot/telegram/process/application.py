"""The python-telegram-bot application and its handlers."""

import logging
from functools import partial
from typing import Any

from telegram import Update
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
from bot.telegram.commands.answer_reactions import AnswerPress, ApprovalHandler, Reactions
from bot.telegram.commands.forget_command import FORGET, ForgetCommand
from bot.telegram.commands.job_commands import JobCommands
from bot.telegram.commands.read_commands import ReadCommands
from bot.telegram.commands.why_command import WhyCommand
from bot.telegram.commands.write_commands import WriteCommands
from bot.telegram.gate.gate import Gate, Handler, HandlerContext
from bot.telegram.inbox.lanes import LaneLost
from bot.telegram.reminders import REMIND, ReminderButtons, ReminderCommand
from bot.telegram.turns.approval_buttons import ALLOW
from bot.telegram.turns.turn_handler import TurnHandler
from bot.telegram.turns.turn_presenter import PRESSED, AnswerButton
from graph.settings.settings import Settings

GATE, REST = -1, 0
_READ_SECONDS, _POLL_CONNECTIONS = 20.0, 2
_NEW = filters.UpdateType.MESSAGE & ~filters.FORWARDED & ~filters.VIA_BOT
_SAID = (filters.UpdateType.MESSAGE | filters.UpdateType.EDITED_MESSAGE) & ~filters.StatusUpdate.ALL
App = Application[Any, Any, Any, Any, Any, Any]
logger = logging.getLogger(__name__)


def build_application(settings: Settings) -> App:
    """Build the application without an updater: updates come from the lanes."""
    # It logs a traceback for each gateway's error page; the error is also raised, and logged in one line.
    logging.getLogger("telegram.request.BaseRequest").setLevel(logging.CRITICAL)
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
    """Close the connections, also of a partly initialised application."""
    await app.shutdown()
    await app.bot.shutdown()
    await app.bot.request.shutdown()


def add_handlers(app: App, context: BotContext) -> None:
    """Register the handlers; forwarded and edited messages are no commands."""
    turns = TurnHandler(context)
    forget = ForgetCommand(context)
    why = WhyCommand(context, Painter(context.settings.data_folder / "matplotlib"), forget)
    press = AnswerPress(context, why, forget)
    app.add_handler(TypeHandler(Update, Gate(context)), GATE)
    others: dict[str, Handler] = {"why": why, "reminders": ReminderCommand(context), "cancel": press.cancel}
    for commands in (
        ReadCommands(context, forget).commands(),
        WriteCommands(context, turns).commands(),
        JobCommands(context).commands(),
        AdminCommands(context).commands(),
        others,
    ):
        for name, run in commands.items():
            app.add_handler(CommandHandler(name, run, _NEW), REST)
    for pattern, pressed in (
        (rf"^{PRESSED}:({'|'.join(AnswerButton)})$", press),
        (rf"^{FORGET}:[^:]+:(yes|no)$", forget.decide),
        (rf"^{FORGET}:[^:]+:\d$", forget.pick),
        (rf"^{ALLOW}:[^:]+:(yes|no)$", ApprovalHandler(context)),
        (rf"^{REMIND}:\w+:(set|end|undo)$", ReminderButtons(context)),
    ):
        app.add_handler(CallbackQueryHandler(pressed, pattern=pattern), REST)
    app.add_handler(CallbackQueryHandler(partial(_unknown_button, context)), REST)
    app.add_handler(MessageReactionHandler(Reactions(context)), REST)
    app.add_handler(MessageHandler(_NEW & filters.COMMAND, partial(_unknown_command, context)), REST)
    app.add_handler(MessageHandler(filters.UpdateType.EDITED_MESSAGE & filters.COMMAND, _nothing), REST)
    app.add_handler(MessageHandler(_SAID, turns), REST)
    app.add_error_handler(partial(_keep_failure, context))


async def _unknown_command(context: BotContext, update: Update, _: HandlerContext) -> None:
    message = update.effective_message
    words = (message.text or message.caption or "/") if message else "/"
    name = words.split()[0].split("@")[0].replace("`", "")[:40]
    await context.reply(update, "unknown_command", name=f"`{name}`")


async def _unknown_button(context: BotContext, update: Update, _: HandlerContext) -> None:
    await context.toast(update, context.say(update)("forget_expired"))


async def _nothing(_: Update, __: HandlerContext) -> None:
    """Ignore an edited command: it ran when it was sent."""


async def _keep_failure(context: BotContext, update: object, handler_context: HandlerContext) -> None:
    """Keep an exception for the dispatcher, which raises it."""
    error = handler_context.error
    if isinstance(update, Update) and error is not None:
        context.failures[update.update_id] = error
        if not isinstance(error, LaneLost):
            logger.debug("A handler failed", exc_info=error)
    raise ApplicationHandlerStop
