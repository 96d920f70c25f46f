"""Names and addresses as they are written in settings of HTTP servers."""

_LAST_PORT = 65_535


def listed(text: str) -> tuple[str, ...]:
    """Return what is separated by commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def checked_names(text: str) -> str:
    """Return the text when it lists host or host:port.

    Raises:
        ValueError: it does not; says what to write.
    """
    if any(sign in name for name in listed(text) for sign in "/*@ "):
        raise ValueError("write names such as goat.example.org, goat.lan:8765, without http:// and paths")
    return text


def address_of(text: str) -> tuple[str, int]:
    """Read host:port; an IPv6 host stands in brackets.

    Raises:
        ValueError: it is none; says what to write.
    """
    host, _, port = text.rpartition(":")
    bare = host.strip("[]")
    if not bare or not (port.isascii() and port.isdecimal()) or not 0 < int(port) <= _LAST_PORT:
        raise ValueError("write host:port, such as 127.0.0.1:8765")
    if ":" in bare and not host.startswith("["):
        raise ValueError("write an IPv6 address in brackets, such as [::1]:8765")
    return bare, int(port)
