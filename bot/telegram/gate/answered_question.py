"""Replacement of an answered question by its outcome."""

import logging

from telegram import Message
from telegram.error import BadRequest

from bot.telegram.bot_context import BotContext
from bot.telegram.outbox.courier import Undeliverable
from bot.telegram.outbox.message_format import preview

logger = logging.getLogger(__name__)


async def close_question(context: BotContext, message: Message, text: str) -> None:
    """Replace a question and its buttons by `text`; a refusal by Telegram is logged."""
    piece = preview(text)
    try:
        await context.courier.deliver(
            message.chat.id,
            lambda: context.bot.edit_message_text(
                piece.text, message.chat.id, message.message_id, entities=piece.entities
            ),
        )
    except (BadRequest, Undeliverable) as error:
        logger.info("A question was not closed: %s", error)
