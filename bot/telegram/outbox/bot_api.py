"""The Bot API calls that make up an answer."""

from dataclasses import dataclass

from telegram import (
    Bot,
    InlineKeyboardMarkup,
    InputMediaDocument,
    InputMediaPhoto,
    LinkPreviewOptions,
    Message,
    ReplyParameters,
)

from bot.telegram.outbox.message_format import Piece
from bot.telegram.place import Place

PLACEHOLDER = "…"
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_DRAFT_IDS = 2**31 - 1
_EDIT_SECONDS = 20.0
_FRAME_SECONDS = 2.0
"""Timeout of a frame; short, because the answer waits for it."""
_UPLOAD_SECONDS = 120.0
_NO_CAPTION = Piece("", ())


@dataclass(frozen=True, slots=True)
class Upload:
    """A file sent with an answer."""

    content: bytes
    name: str
    refused: str
    """Markdown that replaces the file if Telegram refuses it."""
    caption: Piece = _NO_CAPTION
    photo: bool = False

    @property
    def media(self) -> InputMediaPhoto | InputMediaDocument:
        """Return it as the Bot API takes it."""
        kind = InputMediaPhoto if self.photo else InputMediaDocument
        text, entities = self.caption.text or None, self.caption.entities or None
        return kind(self.content, filename=self.name, caption=text, caption_entities=entities)


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls for one answer; each may raise `TelegramError`."""

    bot: Bot
    place: Place
    reply_to: int
    """Id of the message to reply to in a group, else 0."""
    update_id: int

    async def ellipsis(self, number: int) -> Message:
        """Send a placeholder for a piece of the answer."""
        reply = None
        if self.reply_to and not number:
            reply = ReplyParameters(self.reply_to, allow_sending_without_reply=True)
        return await self.bot.send_message(
            self.place.chat_id,
            PLACEHOLDER,
            message_thread_id=self.place.topic or None,
            reply_parameters=reply,
        )

    async def edit(
        self,
        message_id: int,
        piece: Piece,
        buttons: InlineKeyboardMarkup | None = None,
        seconds: float = _EDIT_SECONDS,
    ) -> object:
        """Replace a message's text by a piece of the answer."""
        return await self.bot.edit_message_text(
            piece.text,
            self.place.chat_id,
            message_id,
            entities=piece.entities,
            reply_markup=buttons,
            link_preview_options=_NO_PREVIEW,
            read_timeout=seconds,
        )

    async def edit_quickly(self, message_id: int, piece: Piece) -> object:
        """Show a frame by an edit, with a short timeout."""
        return await self.edit(message_id, piece, seconds=_FRAME_SECONDS)

    async def draft(self, piece: Piece) -> object:
        """Show a frame as a draft."""
        return await self.bot.send_message_draft(
            self.place.chat_id,
            self.update_id % _DRAFT_IDS or 1,
            piece.text,
            message_thread_id=self.place.topic or None,
            entities=piece.entities,
            read_timeout=_FRAME_SECONDS,
        )

    async def attach(self, message_id: int, upload: Upload) -> object:
        """Replace a message's text by a file."""
        return await self.bot.edit_message_media(
            upload.media, self.place.chat_id, message_id, write_timeout=_UPLOAD_SECONDS
        )

    async def delete(self, message_id: int) -> object:
        """Delete a message of the bot."""
        return await self.bot.delete_message(self.place.chat_id, message_id)
