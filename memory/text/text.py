"""Text from people: cleaned for storage, shortened, hashed; unseen characters; patterns compiled late."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator
from functools import cached_property

NO_LOOKS = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U0001d159\U000e0100-\U000e01ef"
)
"""Letters, marks and symbols without a glyph, as a regex class; no Unicode category marks them."""
_NO_LOOKS = re.compile(f"[{NO_LOOKS}]")

ELLIPSIS = "\n[... {left_out:,} characters left out here; the whole is in the archive ...]\n"
CUT = "\n[... {left_out:,} characters left out here ...]\n"


def digest(name: str) -> str:
    """Return 32 hexadecimal characters, the same for the same name."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def written_forms(text: str) -> Iterator[str]:
    """Yield a text as databases, msgpack and JSON write it."""
    yield text
    for ascii_only in (True, False):
        yield json.dumps(text, ensure_ascii=ascii_only)[1:-1]


def is_seen(char: str) -> bool:
    """Return whether a character is visible: no control, format or private character, no space."""
    return unicodedata.category(char)[0] not in "CZ" and not _NO_LOOKS.match(char)


def clean(text: str) -> str:
    """Return `text` as every store can hold it: no NUL, each lone surrogate as U+FFFD, the rest verbatim."""
    if text.isascii():
        return text.replace("\0", "")
    paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return paired.replace("\0", "")


def fold(text: str) -> str:
    """Return `text` in lower case without diacritics: `când` and `cand` become the same word."""
    if text.isascii():
        return text.lower()
    bare = _without_marks(text.casefold())  # decomposing long runs of marks takes quadratic time
    return _without_marks(unicodedata.normalize("NFKD", bare).casefold())


def _without_marks(text: str) -> str:
    return "".join(char for char in text if not unicodedata.combining(char))


def clip(text: str, max_chars: int, ellipsis: str = ELLIPSIS) -> str:
    """Shorten `text` to its first two thirds and last third of `max_chars`, with a note between.

    A text that the note would make longer is returned unchanged.
    """
    head, tail = max_chars * 2 // 3, max_chars // 3
    note = ellipsis.format(left_out=len(text) - head - tail)
    if len(text) <= head + len(note) + tail:
        return text
    return text[:head] + note + text[len(text) - tail :]


def shortened(text: str, max_chars: int) -> str:
    """Shorten as `clip` does, for text that no archive keeps."""
    return clip(text, max_chars, CUT)


def excerpt(text: str, span: tuple[int, int], max_chars: int) -> str:
    """Cut `text` to `max_chars` around the half-open `span`, marking the omissions."""
    if len(text) <= max_chars:
        return text
    middle = (span[0] + span[1]) // 2
    start = max(0, min(middle - max_chars // 2, len(text) - max_chars))
    end = start + max_chars
    return ("[...] " if start else "") + text[start:end] + (" [...]" if end < len(text) else "")


class LazyPattern:
    """A regular expression compiled on first use: compiling all of them takes 0.3 s."""

    def __init__(self, source: str, flags: re.RegexFlag = re.NOFLAG) -> None:
        self.source = source
        self._flags = flags

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        return re.compile(self.source, self._flags)
