"""The Bot API calls that make up an answer."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from telegram import (
    Bot,
    InlineKeyboardMarkup,
    InputMediaDocument,
    InputMediaPhoto,
    LinkPreviewOptions,
    Message,
    MessageEntity,
    ReplyParameters,
)

from bot.telegram.outbox.message_format import FormattedText
from bot.telegram.place import Place

_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_DRAFT_IDS = 2**31 - 1
_FRAME_SECONDS = 2.0
"""Timeout of a frame; short, because the answer waits for it."""
_UPLOAD_SECONDS = 120.0
_NO_CAPTION = FormattedText("", ())


@dataclass(frozen=True, slots=True)
class Upload:
    """A file sent with an answer."""

    content: bytes
    name: str
    refused: str
    """Markdown that replaces the file if Telegram refuses it."""
    caption: FormattedText = _NO_CAPTION
    photo: bool = False

    @property
    def media(self) -> InputMediaPhoto | InputMediaDocument:
        """Return the file in the form that an edit needs."""
        kind = InputMediaPhoto if self.photo else InputMediaDocument
        return kind(self.content, filename=self.name, caption=self.text, caption_entities=self.entities)

    @property
    def text(self) -> str | None:
        """The text of its caption, if it has one."""
        return self.caption.text or None

    @property
    def entities(self) -> Sequence[MessageEntity] | None:
        return self.caption.entities or None


Content: TypeAlias = FormattedText | Upload
"""What one message of an answer holds."""


def fingerprint(content: Content | Message) -> str:
    """Return an id of a message's content that ignores spaces and signs, some of which Telegram removes."""
    if isinstance(content, Upload):
        return "photo" if content.photo else content.name
    if isinstance(content, Message) and not content.text:
        return "photo" if content.photo else (content.document and content.document.file_name) or ""
    letters = "".join(filter(str.isalnum, content.text or ""))
    return hashlib.sha256(letters.encode("utf-8", "replace")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls for one answer; each may raise `TelegramError`."""

    bot: Bot
    place: Place
    asked: int
    """Id of the message that is answered; 0 for none."""
    update_id: int
    replies: bool = True
    """The answer replies to it."""

    async def send(self, content: Content, buttons: InlineKeyboardMarkup | None, *, first: bool) -> int:
        """Send a message of the answer and return its id."""
        chat, where = self.place.chat_id, dict[str, Any](message_thread_id=self.place.topic or None)
        if first and self.asked and self.replies:
            where["reply_parameters"] = ReplyParameters(self.asked, allow_sending_without_reply=True)
        if isinstance(content, FormattedText):
            how: dict[str, Any] = {
                "entities": content.entities,
                "reply_markup": buttons,
                "link_preview_options": _NO_PREVIEW,
            }
            return (await self.bot.send_message(chat, content.text, **how, **where)).message_id
        how = {"caption": content.text, "caption_entities": content.entities, "filename": content.name}
        send = self.bot.send_photo if content.photo else self.bot.send_document
        return (await send(chat, content.content, write_timeout=_UPLOAD_SECONDS, **how, **where)).message_id

    async def edit(self, message_id: int, content: Content, buttons: InlineKeyboardMarkup | None) -> object:
        """Replace the content of a message."""
        chat = self.place.chat_id
        if isinstance(content, Upload):
            return await self.bot.edit_message_media(
                content.media, chat, message_id, write_timeout=_UPLOAD_SECONDS
            )
        return await self.bot.edit_message_text(
            content.text,
            chat,
            message_id,
            entities=content.entities,
            reply_markup=buttons,
            link_preview_options=_NO_PREVIEW,
        )

    async def set_buttons(self, message_id: int, buttons: InlineKeyboardMarkup | None) -> Message | str:
        """Replace the buttons under a message, which clients do not show as an edit; return the message."""
        chat = self.place.chat_id
        edited = await self.bot.edit_message_reply_markup(chat, message_id, reply_markup=buttons)
        return edited if isinstance(edited, Message) else ""

    async def draft(self, piece: FormattedText) -> object:
        """Show a frame as a draft."""
        return await self.bot.send_message_draft(
            self.place.chat_id,
            self.update_id % _DRAFT_IDS or 1,
            piece.text,
            message_thread_id=self.place.topic or None,
            entities=piece.entities,
            read_timeout=_FRAME_SECONDS,
        )

    async def delete(self, message_id: int) -> object:
        """Delete a message of the bot."""
        return await self.bot.delete_message(self.place.chat_id, message_id)
