"""A file that came with a message, and its refusal."""

from dataclasses import dataclass

from memory.errors import GoatError


class MediaRefused(GoatError):
    """A file cannot be converted to text; the message is for its sender.

    Attributes:
        code: "voice_off", "photo_off" or "document_off" if it is not configured; "too_large", "unreadable" or
            "unsupported" for the file; "unavailable" for the service that holds it, or the model.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Attachment:
    """An attached file that can be converted to text."""

    kind: str
    """`voice`, `audio`, `photo` or `document`."""
    file_id: str
    """Id at the service that holds the file; empty if the message holds it."""
    size: int | None
    """Bytes, if known."""
    name: str
    mime: str
    origin: str = ""
    """Author of a forwarded message."""


def forwarded_from(origin: str) -> str:
    """Return "forwarded from ORIGIN", or an empty string."""
    return f"forwarded from {origin}" if origin else ""
