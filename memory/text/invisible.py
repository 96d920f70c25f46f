"""Which characters people do not see, though a program reads them."""

import re
import unicodedata

NO_LOOKS = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U0001d159\U000e0100-\U000e01ef"
)
"""Letters, marks and symbols without looks, as a regular expression's class; no category tells them."""
_NO_LOOKS = re.compile(f"[{NO_LOOKS}]")


def is_seen(char: str) -> bool:
    """Say whether a character shows by itself: no control, format or private one, no space of any kind."""
    return unicodedata.category(char)[0] not in "CZ" and not _NO_LOOKS.match(char)
