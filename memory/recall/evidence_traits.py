"""Traits of messages and of the memories found for them, as numbers relative to the archive.

Each memory is described by how it compares with the others that were found, so that the same traits hold
in an archive of ten turns and of ten thousand. Unanswered questions (`memory.text.marks`) are no standard.
"""

import itertools
import math
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from memory.models import Candidate, ConversationTurn, QueryFacts
from memory.recall.mechanisms import is_fragment
from memory.text import marks

RECENT = timedelta(hours=6)
"""Turns of the conversation as recent as this count as the message's immediate context."""
TOP = 5
DAY = 86_400.0
NAME_STEM = 5
"""Characters that the inflected forms of a name share."""
_NAME = re.compile(r"(?<=[\w,;] )[A-ZÀ-ÖØ-ÞĂȘȚŞŢ][^\W\d_]+")
Traits = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class MessageContext:
    """A message and its context, before any memory is examined."""

    message: str
    at: datetime
    query: QueryFacts
    turns: Sequence[ConversationTurn] = ()
    """Turns of the conversation, oldest first."""

    @property
    def recent(self) -> list[ConversationTurn]:
        """Turns at most `RECENT` before the message."""
        return [turn for turn in self.turns if self.at - turn.at <= RECENT]

    @cached_property
    def traits(self) -> Traits:
        """Traits of the message; see `message_traits`."""
        return message_traits(self)


def message_traits(asked: MessageContext) -> Traits:
    """Return the traits of a message and its conversation that indicate whether it calls for memory."""
    message, recent = asked.message, asked.recent
    last = recent[-1] if recent else None
    figure = marks.asks_figure(message)
    asks, first_person = marks.asks(message), marks.in_first_person(message)
    figures_said = any(marks.has_figure(f"{turn.said}{turn.reply}") for turn in recent)
    return {
        "first_person": first_person,
        "asks": asks,
        "asks_of_self": asks and first_person,
        "asks_figure": figure,
        "asks_of_before": marks.asks_of_before(message),
        "length": math.log1p(len(message)),
        "words": math.log1p(asked.query.words),
        "unseen": asked.query.unseen,
        "name": bool(_NAME.search(message)),
        "fragment": is_fragment(message),
        "seeks": marks.seeks(message),
        "small_talk": asked.query.small_talk and not (asks and first_person),
        "goes_on": bool(asked.turns),
        "recent": bool(recent),
        "figure_said": figures_said,
        "figure_said_and_asked": figures_said and figure,
        "taken_down": last is not None and marks.takes_down(last.reply),
        "not_known": last is not None and marks.knows_nothing(last.reply),
        "calls": asked.query.calls or 0.0,
        "calls_in_thread": (asked.query.calls or 0.0) if asked.turns else 0.0,
    }


def memory_traits(asked: MessageContext, candidates: Sequence[Candidate]) -> list[Traits]:
    """Return, for each candidate, the traits that indicate whether it answers the message."""
    words = [_Words(each) for each in candidates]
    told = [each for each, said in zip(candidates, words, strict=True) if not said.is_unanswered]
    unanswered = [each for each, said in zip(candidates, words, strict=True) if said.is_unanswered]
    norm = _Norm(told or candidates, unanswered)
    about = _About(asked.message)
    return [
        _compared(each, norm)
        | _spoken(each, said, about)
        | {"age": math.log1p(max((asked.at - each.at).total_seconds() / DAY, 0.0))}
        for each, said in zip(candidates, words, strict=True)
    ]


class _Words:
    """Traits of a memory's text that are used more than once."""

    def __init__(self, each: Candidate) -> None:
        self.said = marks.first_words(each.said)
        self.asks = marks.asks(each.said, self.said)
        self.knows_nothing = marks.knows_nothing(each.reply)
        self.is_unanswered = self.asks and (self.knows_nothing or not each.reply.strip())


class _About:
    """Properties of the message that each memory is compared with."""

    def __init__(self, message: str) -> None:
        self.figure = marks.asks_figure(message)
        self.seeks = marks.seeks(message)
        self.language = marks.language(message)
        self.names = [marks.folded(name)[:NAME_STEM] for name in _NAME.findall(message)]


class _Norm:
    """Sorted scores and extremes of the candidates, without unanswered questions."""

    def __init__(self, told: Sequence[Candidate], unanswered: Sequence[Candidate]) -> None:
        self.near = sorted((_near(each) for each in told), reverse=True)
        self.said = sorted((_said(each) for each in told), reverse=True)
        self.score = sorted((each.score for each in told), reverse=True)
        self.lexical = max(each.evidence.lexical for each in told) if told else 0.0
        self.newest = max((each.at for each in told[:TOP]), default=None)
        self.best = {each.turn_id for each in told[:TOP]}
        self.timed = sum(each.evidence.timed for each in told)
        nearest = max(self.near[0], self.said[0])
        nearer = [each.at for each in unanswered if max(_near(each), _said(each)) > nearest]
        self.asked_in_vain = max(nearer, default=None)
        """Time of the latest unanswered question that is nearer than every statement."""


def _compared(each: Candidate, norm: _Norm) -> Traits:
    evidence, near, said = each.evidence, _near(each), _said(each)
    best = max(norm.near[0], norm.said[0])
    return {
        "near": near,
        "said": said,
        "below_best": max(near, said) - best,
        "rank_near": _rank(near, norm.near),
        "rank_said": _rank(said, norm.said),
        "rank": _rank(each.score, norm.score),
        "share": min(each.score / norm.score[0], 1.5) if norm.score[0] > 0 else 0.0,
        "standing": evidence.standing or 0.0,
        "coverage": evidence.coverage,
        "lexical": math.log1p(evidence.lexical),
        "lexical_share": evidence.lexical / norm.lexical if norm.lexical else 0.0,
        "timed": evidence.timed,
        "timed_alone": 1 / norm.timed if evidence.timed and norm.timed else 0.0,
        "out_of_time": norm.timed > 0 and not evidence.timed,
        "before_asked": norm.asked_in_vain is not None and each.at < norm.asked_in_vain,
        "keyed": evidence.keyed > 0,
        "newest": each.turn_id in norm.best and each.at == norm.newest,
    }


def _spoken(each: Candidate, said: _Words, about: _About) -> Traits:
    figure, text = about.figure, f" {marks.folded(f'{each.said} {each.reply}')}" if about.names else ""
    language = marks.language(f"{each.said} {each.reply}") if about.language else ""
    other = bool(language) and language != about.language
    digits_told = figure and marks.has_figure(each.said)
    digits = digits_told or (figure and marks.has_figure(each.reply))
    return {
        "open": said.is_unanswered,
        "question": said.asks,
        "knows_nothing": said.knows_nothing or not each.reply,
        "corrects": marks.corrects.among(said.said),
        "changes": marks.changes.among(said.said) or marks.changes(each.reply[: marks.TAKEN_CHARS]),
        "its_first_person": marks.in_first_person.among(said.said),
        "figure": digits,
        "figure_told": digits_told,
        "no_figure": figure and not digits,
        "its_length": math.log1p(len(each.said)),
        "reply_length": math.log1p(len(each.reply)),
        "its_small_talk": each.small_talk,
        "other_language": other,
        "near_in_other": max(_near(each), _said(each)) if other else 0.0,
        "taste": about.seeks and marks.tells_taste.among(said.said),
        "name_missing": bool(about.names) and not any(f" {name}" in text for name in about.names),
    }


def call_traits(
    asked: MessageContext, traits: Sequence[Mapping[str, float]], chances: Sequence[float]
) -> Traits:
    """Return the traits that indicate whether to show any memory: the message and its best memories.

    Args:
        asked: the message.
        traits: the traits of each memory, at least one.
        chances: log-odds that each memory answers, given that one does.
    """
    order = sorted(range(len(chances)), key=lambda place: -chances[place])
    ranked = [chances[place] for place in order]
    padded = [*ranked, *[min(ranked[-1], _NONE)] * TOP][: TOP - 1]
    best = traits[order[0]]
    about = asked.traits
    found = (
        {f"best_{name}": best[name] for name in _OF_BEST}
        | {
            "best": padded[0],
            "second": padded[1],
            "lead": padded[0] - padded[1],
            "lead_of_fourth": padded[0] - padded[3],
            "best_and_calls": padded[0] * about["calls"],
            "most_near": max(max(each["near"], each["said"]) for each in traits),
            "most_standing": max(each["standing"] for each in traits),
            "most_coverage": max(each["coverage"] for each in traits),
        }
        | about
    )
    pairs = itertools.combinations_with_replacement(_CROSSED, 2)
    return found | {f"{one}*{other}": found[one] * found[other] for one, other in pairs}


_NONE = -8.0
"""Log-odds of a missing memory."""
_OF_BEST = (
    *("near", "said", "standing", "coverage", "lexical", "open", "question", "figure", "no_figure"),
    *("its_small_talk", "timed", "keyed", "its_first_person", "timed_alone", "before_asked", "taste"),
    *("name_missing", "other_language", "near_in_other"),
)
_CROSSED = (
    *("best", "lead", "most_near", "most_coverage", "best_near", "best_coverage", "best_lexical"),
    *("unseen", "calls", "words", "name", "best_name_missing"),
)
"""Call traits that are multiplied with each other: how near a memory must be depends on the message.

On people left out, the products show 0.88 instead of 0.87 of what is needed in living conversation, for fewer
near misses (0.48 instead of 0.59), and 0.77 instead of 0.66 in archives of a few turns.
"""


def _near(each: Candidate) -> float:
    return each.evidence.near or 0.0


def _said(each: Candidate) -> float:
    return each.evidence.said or 0.0


def _rank(value: float, descending: Sequence[float]) -> float:
    """Return `log(1 + n)`, `n` being how many values are greater."""
    return math.log1p(len(descending) - bisect_right(descending[::-1], value))
