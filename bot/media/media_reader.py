"""Conversion of attachments to text: transcription, image description, document text."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from bot.media.attachment import Attachment, MediaRefused, forwarded_from
from bot.media.document_text import document_text, truncate
from graph.settings.telegram_settings import TelegramSettings
from memory.provenance import Carrier, Part, Speaker
from memory.text.text import clean

if TYPE_CHECKING:
    from bot.media.media_models import MediaModel

__all__ = ["MediaReader", "MediaRefused"]

Fetch = Callable[[], Awaitable[bytes]]
_MEGABYTE = 1024**2
_DOCUMENTS_AT_ONCE = 2
_IMAGES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png", b"GIF8": "image/gif"}
_OFF = {
    "TRANSCRIPTION": ("voice_off", "Voice messages are not set up here: set GOAT_TRANSCRIPTION_MODEL."),
    "VISION": ("photo_off", "Photos are not set up here: set GOAT_VISION_MODEL."),
}
"""Code and message of the refusal, by the prefix of the settings' names."""


class MediaReader:
    """Converts attachments to text; connects to a model when it is first needed."""

    def __init__(self, settings: TelegramSettings) -> None:
        self._settings = settings
        self._models: dict[str, MediaModel] = {}
        self._documents = asyncio.Semaphore(_DOCUMENTS_AT_ONCE)

    async def read(self, attachment: Attachment, fetch: Fetch, question: str) -> Part:
        """Convert a file to text; `fetch` downloads it, `question` is the text sent with it.

        A voice message that was not forwarded holds its sender's words; any other file is a third party's.

        Raises:
            MediaRefused: it cannot be read; the message says why.
        """
        match _kind(attachment):
            case "voice" | "audio":
                return await self._voice(attachment, fetch)
            case "photo":
                return await self._photo(attachment, fetch, question)
            case _:
                data = await self._download(attachment, fetch)
                async with self._documents:
                    text = await document_text(data, self._settings.media_timeout)
                return _part(Carrier.DOCUMENT, text, attachment.name, forwarded_from(attachment.origin))

    async def aclose(self) -> None:
        while self._models:
            await self._models.popitem()[1].aclose()

    async def _voice(self, attachment: Attachment, fetch: Fetch) -> Part:
        model = await self._model("TRANSCRIPTION")
        data = await self._download(attachment, fetch)
        text = await model.transcribe(data, attachment.name, attachment.mime)
        if not text:
            raise MediaRefused("unreadable", "I could not make out any words in this recording.")
        if attachment.kind == "voice" and not attachment.origin:
            return Part(text=truncate(clean(text)), carrier=Carrier.VOICE, speaker=Speaker.OWNER)
        name = "" if attachment.kind == "voice" else attachment.name
        return _part(Carrier.VOICE, truncate(text), name, forwarded_from(attachment.origin))

    async def _photo(self, attachment: Attachment, fetch: Fetch, question: str) -> Part:
        model = await self._model("VISION")
        data = await self._download(attachment, fetch)
        text = await model.describe(data, _image_type(data), clean(question))
        if not text:
            raise MediaRefused("unreadable", "I could not make out anything in this picture.")
        return _part(Carrier.PICTURE, truncate(text), forwarded_from(attachment.origin))

    async def _download(self, attachment: Attachment, fetch: Fetch) -> bytes:
        """Download a file within the limits of size and time."""
        self._check_size(attachment.size or 0)
        try:
            async with asyncio.timeout(self._settings.media_timeout):
                data = await fetch()
        except TimeoutError:
            raise MediaRefused("unavailable", "This file did not arrive in time. Send it again.") from None
        self._check_size(len(data))
        if not data:
            raise MediaRefused("unreadable", "This file is empty.")
        return data

    def _check_size(self, size: int) -> None:
        if size > (limit := self._settings.telegram_file_limit) * _MEGABYTE:
            raise MediaRefused("too_large", f"This file is too large: I read files of up to {limit} MB.")

    async def _model(self, purpose: str) -> "MediaModel":
        """Return the client of a model; the client library is imported in a thread."""
        names = (f"{purpose.lower()}_{part}" for part in ("model", "base_url", "api_key"))
        name, base_url, key = (getattr(self._settings, setting) for setting in names)
        if not name:
            raise MediaRefused(*_OFF[purpose])
        model = await asyncio.to_thread(_media_model)
        if purpose not in self._models:
            timeout = self._settings.media_timeout
            self._models[purpose] = model(purpose, name, base_url, key, timeout)
        return self._models[purpose]


def _media_model() -> "type[MediaModel]":
    from bot.media.media_models import MediaModel  # noqa: PLC0415 - the client library takes a second

    return MediaModel


def _part(carrier: Carrier, text: str, *sources: str) -> Part:
    """Return a third party's part."""
    return Part(text=clean(text), carrier=carrier, source=", ".join(filter(None, sources)))


def _kind(attachment: Attachment) -> str:
    """Return how to convert a file: pictures and recordings may be sent as documents."""
    by_type = {"audio": "audio", "image": "photo"}.get(attachment.mime.partition("/")[0], "document")
    return by_type if attachment.kind == "document" else attachment.kind


def _image_type(data: bytes) -> str:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    for beginning, mime in _IMAGES.items():
        if data.startswith(beginning):
            return mime
    raise MediaRefused("unsupported", "I read pictures in JPEG, PNG, WebP and GIF.")
