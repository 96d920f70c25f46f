"""Preparation of a message for time rules: shortened, folded, without code and quotations.

Each step preserves length, so that offsets in the folded text are offsets in the message.
"""

import re
import unicodedata

from memory.text.text import LazyPattern

MAX_CHARS = 2_000
MAX_SENTENCE_CHARS = 300
_BLANK = "\0"
_PLAIN = str.maketrans(
    "ĂÂÎȘŞȚŢăâîșşțţİ’ʼ‐‑\u00a0" + "áàäéèêëíïóôöőúùûüűçñß" + "ÁÀÄÉÈÊËÍÏÓÔÖŐÚÙÛÜŰÇÑ",
    "AAISSTTaaissttI''-- " + "aaaeeeeiioooouuuuucns" + "AAAEEEEIIOOOOUUUUUCN",
)
_FOREIGN = re.compile(
    r"""```.*?(?:```|\Z)                                      # fenced code
    | `[^`\n]*`
    | "[^"\n]{1,300}" | “[^”\n]{1,300}” | „[^”“\n]{1,300}[”“] | «[^»\n]{1,300}»
    | ^[ \t]*>[^\n]*                                          # quoted lines
    | ^[ \t]*[\[(]?\d{4}-\d\d-\d\d[T ,]+\d\d:\d\d[^\n]*       # log lines
    | ^[^\n]*\b(?:ERROR|WARN|WARNING|INFO|DEBUG|FATAL|Traceback)\b[^\n]*
    | \b[a-z][a-z0-9+.-]{1,20}://\S+ | \bwww\.\S+ | [\w.+-]{1,64}@[\w-]+\.\S+
    | (?<!\S)\S{0,100}[\w][_\\/=][a-zA-Z_]\S*                 # paths, identifiers, assignments
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
SENTENCE = LazyPattern(r"[^!?;\n]+?(?:[!?;\n]+|\.+(?=\s|$)|$)", re.DOTALL)
_SENTENCE_END = re.compile(r"[!?;\n]+|\.+(?=\s|$)")


def normalise_message(message: str) -> str:
    """Return the first `MAX_CHARS` of a message in NFC; the rest is not read."""
    return unicodedata.normalize("NFC", message[:MAX_CHARS])


def fold(text: str) -> str:
    """Blank out code, quotations, logs and addresses, remove diacritics and lower the case."""
    own = _FOREIGN.sub(lambda found: _BLANK * len(found[0]), text)
    return own.translate(_PLAIN).lower()


def sentence_around(text: str, start: int, end: int) -> tuple[str, str]:
    """Return the text near `text[start:end]` in its sentence, before and after it."""
    before, after = text[max(0, start - MAX_SENTENCE_CHARS) : start], text[end : end + MAX_SENTENCE_CHARS]
    return _SENTENCE_END.split(before)[-1], _SENTENCE_END.split(after, maxsplit=1)[0]
