"""Characters that programs read but people do not see."""

import re
import unicodedata

NO_LOOKS = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U0001d159\U000e0100-\U000e01ef"
)
"""Letters, marks and symbols without a glyph, as a regex class; no Unicode category marks them."""
_NO_LOOKS = re.compile(f"[{NO_LOOKS}]")


def is_seen(char: str) -> bool:
    """Return whether a character is visible: no control, format or private character, no space."""
    return unicodedata.category(char)[0] not in "CZ" and not _NO_LOOKS.match(char)
