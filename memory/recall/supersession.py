"""Which memories a later one puts out of date: the same matter with another value, or taken back in words."""

import re
from collections.abc import Sequence
from datetime import timedelta

from memory.models import Candidate
from memory.recall.duplicates import words_of
from memory.text import marks

SAME_BREATH = timedelta(hours=1)
"""What is taken back in the same thread so soon is what was said last, whatever its words."""
NEXT_DAYS = timedelta(days=3)
"""The same, when the reply says that something was put right."""
_DIGITS = re.compile(r"\d+")
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
        follower = _next_said(older, latest_first)
        later = next(
            (each for each in latest_first if supersedes(each, older, named, next_said=each is follower)),
            None,
        )
        if later is not None:
            found[older.turn_id] = later.turn_id
    return found


def _next_said(older: Candidate, latest_first: Sequence[Candidate]) -> Candidate | None:
    """Return what was said next in the thread, as far as it was found."""
    later = [each for each in latest_first if each.thread == older.thread and each.at > older.at]
    return later[-1] if later else None


def supersedes(
    newer: Candidate, older: Candidate, named: frozenset[str] = frozenset(), *, next_said: bool = True
) -> bool:
    """Tell whether a memory says the matter of an older one anew.

    Args:
        newer: what may say it anew.
        older: what may be out of date.
        named: words of that matter.
        next_said: nothing else was said in between, in the same thread.
    """
    if newer.at <= older.at or marks.asks(newer.said) or marks.is_unanswered(older.said, older.reply):
        return False
    same_thread = newer.thread == older.thread
    if newer.edit_of == older.turn_id:
        return True
    if same_thread and next_said and _takes_back(newer, older):
        return True
    acknowledged = marks.updates(newer.reply)
    if not (acknowledged or marks.corrects(newer.said) or marks.changes(newer.said)):
        return False
    return _share_a_matter(newer, older, named, acknowledged=acknowledged)


def _takes_back(newer: Candidate, older: Candidate) -> bool:
    """Tell whether a memory takes back what was said right before it, whatever its words.

    Who is sorry to be late takes nothing back: the reply, a second such word or a figure as long as the one
    before has to say so too.
    """
    message, apart = newer.said, newer.at - older.at
    if marks.updates(newer.reply) and marks.corrects(message):
        return apart <= NEXT_DAYS
    if apart > SAME_BREATH or not marks.opens_with_correction(message):
        return False
    one, other = _figures(message), _figures(older.said)
    if one and other:
        return not one.isdisjoint(other)
    return not one and marks.takes_back(message)


def _figures(text: str) -> set[int]:
    """Return how long the figures of a text are."""
    return {len(run) for run in _DIGITS.findall(text)}


def _share_a_matter(newer: Candidate, older: Candidate, named: frozenset[str], *, acknowledged: bool) -> bool:
    """Tell whether both are about what is asked; the reply that puts it right needs one word of that."""
    one, other = _matter(newer), _matter(older)
    shared = one & other
    least = max(SHARED, SHARE * min(len(one), len(other)))
    asked_about = other & named
    if len(shared) >= least or (acknowledged and asked_about & one):
        return True
    return bool(asked_about) and asked_about <= one


def _matter(each: Candidate) -> frozenset[str]:
    text = f"{each.said[: marks.READ_CHARS]} {each.reply[: marks.REPLY_CHARS]}"
    return frozenset(word for word in words_of(text) if not marks.has_figure(word))
