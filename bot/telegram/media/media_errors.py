"""Why a file was not read."""

from memory.errors import GoatError


class MediaRefused(GoatError):
    """A file cannot be turned into text; the message is for the person who sent it.

    Attributes:
        code: "voice_off", "photo_off", "document_off" (not set up), "too_large", "unreadable", "unsupported"
            (the file), or "unavailable" (Telegram, or the model that would have read it).
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
