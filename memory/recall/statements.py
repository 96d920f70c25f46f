"""Comparison of what memories state: bare questions, repeated and outdated statements, and use by a reply."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from memory.lexical.analysis import terms
from memory.lexical.languages import UNKNOWN, language_of
from memory.models import Candidate
from memory.provenance import spans, talkers
from memory.text import marks
from memory.text.text import fold

NEARLY_ALL = 0.85
"""Jaccard similarity from which two texts are duplicates."""
CONTAINED = 0.9
"""Share of a text's words found in another, from which the text adds nothing new."""
SAME_MATTER = 0.5
"""Share of the shorter text's words from which two texts have the same subject."""
READ_CHARS = 4000
"""Characters read of each text."""
_WORD = re.compile(r"\w+")
_MARKED = re.compile(r"[?？؟]\W*$")
_TAG = re.compile(
    r",\s*(?:right|ok(?:ay)?|remember|yes|no|correct|isn'?t it|da|nu|bine|corect|nu-i asa|tii minte)\W*$"
)
"""A tag question: `it is in the cellar, right?` is a statement."""
_UNMARKED = re.compile(
    r"(?:who|what|when|where|why|how|which)(?:'s"
    r"| (?:am|is|are|was|were|do|does|did|can|could|will|would|should|has|have|had))\b.*\w$"
    r"|(?:cine|ce|cand|unde|cum|cat|care|de ce) (?:e|este|sunt|era|erau|am|ai|a|au|s-a)\b.*\w$",
    re.DOTALL,
)
"""A question in English or Romanian without a question mark; expects folded text."""
_ASIDE_WORDS = 2
"""Most words of a sentence next to a question that is only a greeting or the like."""
SAME_BREATH = timedelta(hours=1)
"""A correction this soon in the same thread refers to the message before it, whatever its words."""
NEXT_DAYS = timedelta(days=3)
"""The same limit when the reply confirms the correction."""
_DIGITS = re.compile(r"\d+")
SHARED = 2
"""Least words, without figures, that a changed statement shares with the former one."""
SHARE = 0.3
"""Least share of the shorter message's words."""


class DatedMessageAndReply(Protocol):
    """A message with its reply and time."""

    @property
    def said(self) -> str: ...
    @property
    def reply(self) -> str: ...
    @property
    def at(self) -> datetime: ...


def words_of(text: str) -> frozenset[str]:
    """Return the distinct terms of a text."""
    return frozenset(terms(text))


def same(one: frozenset[str], other: frozenset[str]) -> bool:
    """Return whether two texts say nearly the same, with the same figures; texts without words never do."""
    if not one or not other or len(one & other) < NEARLY_ALL * len(one | other):
        return False
    return not any(any(map(str.isdigit, word)) for word in one ^ other)


def is_contained(text: frozenset[str], others: frozenset[str]) -> bool:
    """Return whether `others` hold nearly all words of a text."""
    return bool(text) and len(text & others) >= CONTAINED * len(text)


def same_subject(one: frozenset[str], other: frozenset[str]) -> bool:
    """Return whether two texts have the same subject, as when one corrects the other."""
    shorter = min(len(one), len(other))
    return bool(shorter) and len(one & other) >= SAME_MATTER * shorter


def repeats_message(told: DatedMessageAndReply, message: str) -> bool:
    """Return whether a memory is only this same message, unanswered."""
    return not told.reply and _plain(told.said) == _plain(message)


def _plain(text: str) -> list[str]:
    return _WORD.findall(text[:READ_CHARS].casefold())


def find_repeated(told: Sequence[DatedMessageAndReply]) -> set[int]:
    """Return the indices of exchanges that a later one repeats; of equal times the first is kept.

    Any statement or answered question wins over an unanswered question, however late.
    """
    words = [words_of(f"{each.said} {each.reply}") for each in told]
    tells = [not is_bare_question(each) for each in told]
    latest_first = sorted(
        range(len(told)), key=lambda place: (tells[place], told[place].at, -place), reverse=True
    )
    standing: list[int] = []
    for place in latest_first:
        if not any(same(words[place], words[other]) for other in standing):
            standing.append(place)
    return set(range(len(told))) - set(standing)


def is_bare_question(said: DatedMessageAndReply) -> bool:
    """Return whether an exchange is only a question: no statement, and no reply at all."""
    return not said.reply and only_asks(said.said)


def only_asks(text: str) -> bool:
    """Return whether a text holds only questions; False when in doubt."""
    sentences = [one for one in map(str.strip, marks.SENTENCE_END.split(text[:READ_CHARS])) if one]
    stated = [one for one in sentences if not _is_question(one)]
    return len(stated) < len(sentences) and all(len(one.split()) <= _ASIDE_WORDS for one in stated)


def _is_question(sentence: str) -> bool:
    folded = fold(sentence)
    if _MARKED.search(sentence):
        return not _TAG.search(folded)
    return bool(_UNMARKED.match(folded))


def is_used(memory: str, *, reply: str, message: str) -> bool:
    """Return whether `reply` holds a word of `memory` that `message` lacks, or `memory` has no such word.

    Words can't be compared across languages: there it counts as used unless the reply says it doesn't know.
    """
    own = words_of(memory[:READ_CHARS]) - words_of(message[:READ_CHARS])
    if not own or own & words_of(reply[:READ_CHARS]):
        return True
    languages = {_language(memory), _language(reply)} - {UNKNOWN}
    return len(languages) > 1 and not marks.knows_nothing(reply)


def _language(text: str) -> str:
    plain = text[:READ_CHARS].lower()
    return language_of(plain, plain.split(), before=UNKNOWN)


def find_outdated(
    shown: Sequence[Candidate], candidates: Sequence[Candidate], message: str
) -> dict[str, str]:
    """Return the turn ids of superseded memories, each with that of the latest that supersedes it.

    Args:
        shown: memories to be shown for a message.
        candidates: all that were found for it.
        message: the message; its words are the subject.
    """
    found: dict[str, str] = {}
    named = words_of(message)
    latest_first = sorted(candidates, key=lambda each: each.at, reverse=True)
    for older in shown:
        after = [each for each in latest_first if each.thread == older.thread and each.at > older.at]
        follower = after[-1] if after else None  # the next memory of the thread
        later = next(
            (each for each in latest_first if supersedes(each, older, named, adjacent=each is follower)),
            None,
        )
        if later is not None:
            found[older.turn_id] = later.turn_id
    return found


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
    if talkers(newer.parts) != talkers(older.parts):
        return False
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
    said = "".join(text for text, part in spans(each.message, each.parts) if part is not None)
    text = f"{said[: marks.READ_CHARS]} {each.reply[: marks.REPLY_CHARS]}"
    return frozenset(word for word in words_of(text) if not marks.has_figure(word))
