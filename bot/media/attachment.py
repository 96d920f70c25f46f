"""A file that came with a message."""

from dataclasses import dataclass


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
