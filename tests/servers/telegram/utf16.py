"""Telegram's offsets: UTF-16 code units."""


def encoded(text: str) -> bytes:
    """Return the text in UTF-16, without a byte order mark."""
    return text.encode("utf-16-le", "surrogatepass")


def length(text: str) -> int:
    """Return the number of UTF-16 code units."""
    return len(encoded(text)) // 2


def inside_pair(text: str, offset: int) -> bool:
    """Return whether the offset splits a surrogate pair."""
    low = encoded(text)[2 * offset : 2 * offset + 2]
    return len(low) == 2 and 0xDC <= low[1] <= 0xDF
