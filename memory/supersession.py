"""Which memories a later one puts out of date: the same matter with another value, or taken back in words."""

from collections.abc import Sequence
from datetime import timedelta

from memory import marks
from memory.duplicates import same_matter, words_of
from memory.models import Candidate

SAME_BREATH = timedelta(hours=1)
"""What is taken back in the same thread so soon is what was just said, whatever its words."""
SHARED = 2
"""Words, figures apart, that a changed statement shares with the former one."""
SHARE = 0.3
"""Their share of the words of the shorter message."""


def outdated(shown: Sequence[Candidate], candidates: Sequence[Candidate], message: str) -> dict[str, str]:
    """Return which of `shown` are out of date, and the turn id of the latest that says so.

    Args:
        shown: memories that are to be shown for a message.
        candidates: all that were found for it.
        message: it; what it names is what they have to share.
    """
    found: dict[str, str] = {}
    named = words_of(message)
    latest_first = sorted(candidates, key=lambda each: each.at, reverse=True)
    for older in shown:
        later = next((each for each in latest_first if supersedes(each, older, named)), None)
        if later is not None:
            found[older.turn_id] = later.turn_id
    return found


def supersedes(newer: Candidate, older: Candidate, named: frozenset[str] = frozenset()) -> bool:
    """Tell whether a memory says the matter of an older one anew; `named` are words of that matter."""
    if newer.at <= older.at or marks.asks(newer.message) or marks.is_open(older.message, older.reply):
        return False
    same_thread = newer.thread == older.thread
    if newer.edited and same_thread:
        return same_matter(words_of(newer.message), words_of(older.message))
    if marks.corrects(newer.message) and same_thread and newer.at - older.at <= SAME_BREATH:
        return True
    if not (marks.corrects(newer.message) or marks.changes(newer.message) or marks.updates(newer.reply)):
        return False
    return _share_a_matter(newer, older, named)


def _share_a_matter(newer: Candidate, older: Candidate, named: frozenset[str]) -> bool:
    one, other = _matter(newer), _matter(older)
    shared = one & other
    least = max(SHARED, SHARE * min(len(one), len(other)))
    return bool(shared & named) or len(shared) >= least


def _matter(each: Candidate) -> frozenset[str]:
    text = f"{each.message[: marks.READ_CHARS]} {each.reply[: marks.REPLY_CHARS]}"
    return frozenset(word for word in words_of(text) if not marks.has_figure(word))
