"""What Telegram is asked before an answer: for files, and to show that the bot is at work."""

import contextlib
from collections.abc import Awaitable, Callable

from telegram import Bot, Message
from telegram.constants import ChatAction
from telegram.error import TelegramError

from bot.telegram.courier import Undeliverable
from bot.telegram.desk import Desk
from bot.telegram.incoming import Attachment
from bot.telegram.media import MediaRefused
from bot.telegram.place import place_of

_ACT_SECONDS = 5.0


def fetcher(desk: Desk, message: Message, attachment: Attachment) -> Callable[[], Awaitable[bytes]]:
    """Return what downloads a file, again where that fails."""

    async def download() -> bytes:
        file = await desk.bot.get_file(attachment.file_id)
        return bytes(await file.download_as_bytearray())

    async def fetch() -> bytes:
        try:
            return await desk.courier.deliver(message.chat.id, download)
        except Undeliverable as error:
            raise MediaRefused("unavailable", str(error)) from None

    return fetch


async def act(bot: Bot, message: Message) -> None:
    """Show that the bot is at work; what fails is of no account."""
    place = place_of(message)
    with contextlib.suppress(TelegramError):
        await bot.send_chat_action(
            place.chat_id,
            ChatAction.TYPING,
            message_thread_id=place.topic or None,
            read_timeout=_ACT_SECONDS,
        )
