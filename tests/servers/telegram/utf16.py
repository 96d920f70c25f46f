"""Offsets as Telegram counts them: in UTF-16 code units."""


def encoded(text: str) -> bytes:
    """Return the text in UTF-16, without a mark."""
    return text.encode("utf-16-le", "surrogatepass")


def length(text: str) -> int:
    """Return the number of UTF-16 code units."""
    return len(encoded(text)) // 2


def inside_pair(text: str, offset: int) -> bool:
    """Say whether the offset falls between the halves of one character."""
    low = encoded(text)[2 * offset : 2 * offset + 2]
    return len(low) == 2 and 0xDC <= low[1] <= 0xDF
