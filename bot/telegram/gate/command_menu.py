"""Telegram's menu of commands, in every language; admins' chats also list the admin commands."""

import logging

from telegram import BotCommandScopeChat
from telegram.error import BadRequest, TelegramError

from bot.telegram.access.access import Role
from bot.telegram.bot_context import BotContext
from memory.errors import TierUnavailable

ADMIN_COMMANDS = frozenset({"allow", "deny", "listen"})
_CODE_LENGTH = 2
"""Telegram takes ISO 639-1 codes only."""
logger = logging.getLogger(__name__)


async def set_menus(context: BotContext) -> None:
    """Set the menu of everybody, then those of the admins; failures are logged."""
    await _set_menu(context, None)
    try:
        paired = [person for person, role in (await context.access.people()).items() if role is Role.ADMIN]
    except TierUnavailable as error:
        logger.warning("The admins' menus of commands could not be set: %s", error)
        return
    for admin in sorted({*context.access.admins, *paired}):
        await set_admin_menu(context, admin)


async def set_admin_menu(context: BotContext, user_id: int) -> None:
    """Set the menu of an admin's private chat; failures are logged."""
    await _set_menu(context, BotCommandScopeChat(user_id))


async def _set_menu(context: BotContext, scope: BotCommandScopeChat | None) -> None:
    for language in ["", *(code for code in context.texts.languages if len(code) == _CODE_LENGTH)]:
        commands = [
            (name, text)
            for name, text in context.texts.commands(language)
            if scope is not None or name not in ADMIN_COMMANDS
        ]
        try:
            await context.bot.set_my_commands(commands, scope, language or None)
        except BadRequest as error:  # an admin who has not written to the bot yet: /start sets the menu
            logger.info("A menu of commands was not set: %s", error)
            return
        except TelegramError as error:
            logger.warning("A menu of commands could not be set: %s", error)
            return
