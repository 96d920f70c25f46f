"""A question that was answered: what was said takes its place, and its buttons go."""

import logging

from telegram import Message
from telegram.error import BadRequest

from bot.telegram.bot_context import BotContext
from bot.telegram.outbox.courier import Undeliverable
from bot.telegram.outbox.message_format import preview

logger = logging.getLogger(__name__)


async def close_question(desk: BotContext, message: Message, text: str) -> None:
    """Put `text` in the place of a question; what Telegram refuses is left, and logged."""
    piece = preview(text)
    try:
        await desk.courier.deliver(
            message.chat.id,
            lambda: desk.bot.edit_message_text(
                piece.text, message.chat.id, message.message_id, entities=piece.entities
            ),
        )
    except (BadRequest, Undeliverable) as error:
        logger.info("A question was not closed: %s", error)
