"""Memories that a later one supersedes: the same subject with another value, or taken back in words."""

import re
from collections.abc import Sequence
from datetime import timedelta

from memory.models import Candidate
from memory.recall.duplicates import words_of
from memory.text import marks

SAME_BREATH = timedelta(hours=1)
"""A correction this soon in the same thread is of the message before it, whatever its words."""
NEXT_DAYS = timedelta(days=3)
"""The same limit when the reply confirms the correction."""
_DIGITS = re.compile(r"\d+")
SHARED = 2
"""Least words, without figures, that a changed statement shares with the former one."""
SHARE = 0.3
"""Least share of the shorter message's words."""


def find_outdated(
    shown: Sequence[Candidate], candidates: Sequence[Candidate], message: str
) -> dict[str, str]:
    """Return the turn ids of superseded memories, each with that of the latest that supersedes it.

    Args:
        shown: memories to be shown for a message.
        candidates: all that were found for it.
        message: it; its words are the subject.
    """
    found: dict[str, str] = {}
    named = words_of(message)
    latest_first = sorted(candidates, key=lambda each: each.at, reverse=True)
    for older in shown:
        follower = _next_said(older, latest_first)
        later = next(
            (each for each in latest_first if supersedes(each, older, named, adjacent=each is follower)),
            None,
        )
        if later is not None:
            found[older.turn_id] = later.turn_id
    return found


def _next_said(older: Candidate, latest_first: Sequence[Candidate]) -> Candidate | None:
    """Return the next memory of the thread among the candidates."""
    later = [each for each in latest_first if each.thread == older.thread and each.at > older.at]
    return later[-1] if later else None


def supersedes(
    newer: Candidate, older: Candidate, named: frozenset[str] = frozenset(), *, adjacent: bool = True
) -> bool:
    """Return whether a memory restates or takes back an older one.

    Args:
        newer: the memory that may supersede.
        older: the memory that may be out of date.
        named: words of the subject.
        adjacent: `newer` follows `older` in the same thread.
    """
    if newer.at <= older.at or marks.asks(newer.said) or marks.is_unanswered(older.said, older.reply):
        return False
    same_thread = newer.thread == older.thread
    if newer.edit_of == older.turn_id:
        return True
    if same_thread and adjacent and _takes_back(newer, older):
        return True
    acknowledged = marks.updates(newer.reply)
    if not (acknowledged or marks.corrects(newer.said) or marks.changes(newer.said)):
        return False
    return _share_a_matter(newer, older, named, acknowledged=acknowledged)


def _takes_back(newer: Candidate, older: Candidate) -> bool:
    """Return whether a memory takes back the one right before it, in any words.

    "Sorry I'm late" takes nothing back: the reply, a second such word, or a figure of the same length must
    confirm.
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
    """Return the lengths of a text's figures."""
    return {len(run) for run in _DIGITS.findall(text)}


def _share_a_matter(newer: Candidate, older: Candidate, named: frozenset[str], *, acknowledged: bool) -> bool:
    """Return whether both have the subject of the message; an acknowledged change needs one word of it."""
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
