"""Host names and addresses in settings of HTTP servers."""

_LAST_PORT = 65_535


def split_names(text: str) -> tuple[str, ...]:
    """Split a list at its commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def check_names(text: str) -> str:
    """Return `text` if it lists hosts as host or host:port.

    Raises:
        ValueError: it does not; says what to write.
    """
    if any(sign in name for name in split_names(text) for sign in "/*@ "):
        raise ValueError("write names such as goat.example.org, goat.lan:8765, without http:// and paths")
    return text


def parse_address(text: str) -> tuple[str, int]:
    """Parse host:port, with an IPv6 host in brackets.

    Raises:
        ValueError: the format is wrong; says what to write.
    """
    host, _, port = text.rpartition(":")
    bare = host.strip("[]")
    if not bare or not (port.isascii() and port.isdecimal()) or not 0 < int(port) <= _LAST_PORT:
        raise ValueError("write host:port, such as 127.0.0.1:8765")
    if ":" in bare and not host.startswith("["):
        raise ValueError("write an IPv6 address in brackets, such as [::1]:8765")
    return bare, int(port)
