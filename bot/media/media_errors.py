"""Error of an unreadable file."""

from memory.errors import GoatError


class MediaRefused(GoatError):
    """A file cannot be converted to text; the message is for its sender.

    Attributes:
        code: "voice_off", "photo_off", "document_off" (not configured); "too_large", "unreadable",
        "unsupported"
            (the file); "unavailable" (its sender's service or the model).
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
