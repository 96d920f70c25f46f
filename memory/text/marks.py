"""Marks of speech, found by small words of seven languages: who speaks, what is asked, what is corrected.

They are traits for a fitted model, not rules (except `is_unanswered`), so that a missed or misread mark costs
little.
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

READ_CHARS = 400
"""Most characters of a text that are read."""
REPLY_CHARS = 200
"""Characters of a reply searched for "I don't know"."""
TAKEN_CHARS = 80
"""Characters of a reply searched for "noted" and the like."""

WORDS_BEFORE, WORDS_AFTER = 3, 2
"""Fewest words before and after an "and" that joins two things that a message asks for. A guess."""

OPENING_WORDS = 3
"""Most words before the first punctuation mark of a correction."""

SENTENCE_END = re.compile(r"(?<=[.!?…。！？؟])\s+|\n+")
_WORD = re.compile(r"\w+")
_JOINING_SIGN = re.compile("[+&]")
_COMBINING = re.compile("[\u0300-\u036f]+")
_I = r"(?:^|\b(?:i|we|sorry|no|but|and) )(?:(?:still|really|just|also|honestly|actually) )?"
_YOU = r"\b(?:i|we|you)(?: (?:still|also|just|really))?"
_RO_FOUND = r"(?:gasit|aflat|notat|retinut|primit|(?:acces|permis|certificat|rezultat)\b)"
_RO_DONE = rf"(?:(?:mai|inca|tot) )?(?!{_RO_FOUND})\w+(?:[aiu]t|[aeinoru]s)\b"
"""Verbs after "nu am" that do not mean "I don't know": "nu am uitat"."""
_KNOWS_NOTHING = re.compile(
    rf"{_I}(?:don|didn) t (?:have|know)\b|n t (?:told|given) (?:me|us)\b|\bit wasn t (?:mentioned|said)\b"
    rf"|{_YOU} (?:haven|hadn|wasn) t (?:been )?(?:told|mentioned|given|said)\b"
    rf"|{_YOU}(?: have| ve| was| were)? not (?:been )?told\b"
    r"|\b(?:you|have|ve|was|were) never (?:told|mentioned)"
    rf"|{_I}can t tell|(?:^|\bi m |\bi am |\bsorry )not sure (?:which|what)"
    r"|\b(?:i ve|i have|we have|i) no (?:age|date|record|note)"
    r"|\bnu (?:mi|ne) (?:\w+ )?(?:spus|dat|zis)|\bnu (?:stiu|gasesc|sunt sigur[ai]?)\b"
    rf"|\b(?:nu|n) am\b(?! {_RO_DONE})"
    r"|ne m as (?:pas|jamais)|je n ai pas|je ne (?:sais|trouve)|pas encore dit"
    r"|no me (?:lo )?has dicho|\bno (?:lo )?(?:se|tengo|encuentro)\b"
    r"|nicht (?:gesagt|erzahlt|verraten)|\bwei(?:ss|\w)? ich nicht|nem (?:mondtad|tudom)"
)

_DENIES = (
    *(" n am", " nu ", " never ", "n t ", "nem ", "nicht", "ne m as", "je n ai pas", "je ne "),
    *("pas encore dit", " not told", " not been told", " not sure ", " no age", " no date", " no record"),
    *(" no note", " no se", " no lo ", " no tengo", " no encuentro", " no me "),
)
"""Each match of `_KNOWS_NOTHING` holds one of these; searching for them takes a fiftieth of the time."""


def folded(text: str) -> str:
    """Return a text in lower case without accents and punctuation, its words separated by one space."""
    return " ".join(_words(text))


def _words(text: str) -> list[str]:
    """Return the folded words. Not cached, since they are private."""
    if not text.isascii():
        text = _COMBINING.sub("", unicodedata.normalize("NFKD", text))
    return _WORD.findall(text.casefold())


@cache
def _table() -> dict[str, dict[str, str]]:
    """Read the folded words of each mark by language."""
    table: dict[str, dict[str, str]] = json.loads(
        files(__package__).joinpath("marks.json").read_text("utf-8")
    )
    return table


@cache
def _marks(name: str) -> frozenset[str]:
    return frozenset(" ".join(_table()[name].values()).split())


@dataclass(frozen=True, slots=True)
class _Mark:
    """A check for the words of a mark in the first characters of a text."""

    name: str
    chars: int = READ_CHARS

    def __call__(self, text: str) -> bool:
        return self.among(_words(text[: self.chars]))

    def among(self, words: Sequence[str]) -> bool:
        """Check the words of a text."""
        return not _marks(self.name).isdisjoint(words)


in_first_person = _Mark("first_person")
"""Return whether the author speaks of themselves."""
asks_figure = _Mark("figure")
"""Return whether a text asks for a number: when, how many, how much."""
asks_of_before = _Mark("again")
"""Return whether a text asks for an earlier statement."""
seeks = _Mark("seeks")
"""Return whether a text asks for a suggestion (to read, watch, eat, give), where tastes matter."""
tells_taste = _Mark("taste")
"""Return whether the author says what they like or dislike."""
corrects = _Mark("correction")
"""Return whether a message takes back a statement."""
changes = _Mark("change")
"""Return whether a text speaks of a change."""
updates = _Mark("updated", TAKEN_CHARS)
"""Return whether a reply confirms a correction."""
takes_down = _Mark("taken_down", TAKEN_CHARS)
"""Return whether a reply confirms that it noted something."""


@cache
def _languages_of() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for language, words in _table()["small_words"].items():
        for word in words.split():
            found[word] = (*found.get(word, ()), language)
    return found


def language(text: str) -> str:
    """Return the language with the most small words in a text; "" for none or a tie."""
    known = _languages_of()
    told = known.keys() & _words(text[:READ_CHARS])
    votes = Counter([each for word in told for each in known[word]])
    most = max(votes.values(), default=0)
    first, *others = [each for each, count in votes.items() if count == most] or [""]
    return "" if others else first


def first_words(text: str) -> list[str]:
    """Return the folded words of a text's first characters, for several marks of it."""
    return _words(text[:READ_CHARS])


def asks(text: str, words: Sequence[str] | None = None) -> bool:
    """Return whether a text, of these `first_words`, is a question, with or without a question mark."""
    if "?" in text[:READ_CHARS]:
        return True
    question, lead_in = _marks("question"), _marks("lead_in")
    opening = (first_words(text) if words is None else words)[:3]
    telling = [word for word in opening if word not in lead_in or word in question]
    return bool(telling and telling[0] in question)


def asks_for_two(text: str) -> bool:
    """Return whether a text joins two things in a question, or anywhere if it has no question mark.

    "Text for the barn: the date of the wedding and the number of guests."
    """
    sentences = [one for one in SENTENCE_END.split(text[:READ_CHARS]) if one]
    joins = _marks("joins")
    for sentence in [one for one in sentences if "?" in one] or sentences:
        words = _words(_JOINING_SIGN.sub(" and ", sentence))
        if not joins.isdisjoint(words[WORDS_BEFORE:-WORDS_AFTER]):
            return True
    return False


def opens_with_correction(message: str) -> bool:
    """Return whether a message begins with a correction: "oops, Thursday", not "wait for me"."""
    head, *rest = re.split(r"[,.:;!?—–-]", message[:READ_CHARS], maxsplit=1)
    opening = _words(head)
    taken_back = not _marks("correction").isdisjoint(opening[:OPENING_WORDS])
    return taken_back and ((bool(rest) and len(opening) <= OPENING_WORDS) or takes_back(message))


def takes_back(message: str) -> bool:
    """Return whether a message holds two correction words: "sorry, I meant"."""
    return len(_marks("correction").intersection(_words(message[:READ_CHARS])[: 2 * OPENING_WORDS])) > 1


def knows_nothing(reply: str) -> bool:
    """Return whether a reply says that it doesn't know."""
    text = folded(reply[:REPLY_CHARS])
    padded = f" {text}"
    return any(one in padded for one in _DENIES) and _KNOWS_NOTHING.search(text) is not None


def is_unanswered(message: str, reply: str) -> bool:
    """Return whether an exchange is a question whose reply is empty, or says that it does not know."""
    return asks(message) and (not reply.strip() or knows_nothing(reply))


def has_figure(text: str) -> bool:
    return any(map(str.isdigit, text))
