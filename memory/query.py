"""What a message asks of the archive: its words, its keys, the time it means."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from memory.expansion import expanded, is_fragment
from memory.keys import find_keys
from memory.lexical.analysis import query_terms
from memory.lexical.languages import identifier
from memory.temporal import dates
from memory.temporal.finder import TimeRange, find_range
from memory.temporal.tense import warm_up as warm_up_tenses

QUERY_CHARS = 4000

_ABOUT_TALK = re.compile(
    r"""\b(?:what|did|we|you|i|me|talk\w*|discuss\w*|say|saying|said|tell|telling|told|ask\w*|chat\w*|speak|spoke|mention\w*|about
    |conversation\w*|summari[sz]e|recap|remind|remember|do|have|been|so|anything|everything|else|to|with
    |ce|am|ai|ati|ați|a|mi|ti|ți|ne|vorbi\w*|discuta\w*|zis|spus|intreba\w*|întreba\w*|povesti\w*|despre|noi|tu|eu
    |mai|si|și|tot|conversati\w*|conversați\w*|rezum\w*|aminte\w*|iti|îți|cu|ți-am|ti-am|mi-ai|imi|îmi)\b""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Understood:
    """A message, as the archive is asked."""

    text: str
    """What is searched for."""
    keys: tuple[str, ...]
    times: TimeRange | None
    time_alone: bool
    """The message names no matter beside the time."""


def warm_up() -> None:
    """Load what the first message would wait for, blocking: languages, dates, words, and words for times."""
    identifier()
    dates.warm_up()
    query_terms("și 漢字")
    find_range("what did we say last week?", now=datetime.now(UTC), zone=UTC)
    warm_up_tenses()


def understand(message: str, *, before: Sequence[str], now: datetime, zone: tzinfo) -> Understood:
    """Read a message written at `now` (aware) in `zone`, after `before`: its author's own, oldest first."""
    times = find_range(message, now=now, zone=zone)
    text = expanded(message[:QUERY_CHARS], before)
    return Understood(
        text=text[-QUERY_CHARS:],
        keys=tuple(find_keys(message[:QUERY_CHARS])),
        times=times,
        time_alone=times is not None and _names_nothing_but(times.text, message),
    )


def understand_alone(message: str, *, now: datetime, zone: tzinfo) -> Understood | None:
    """Read a message without those before it; None for one that leans on them."""
    return None if is_fragment(message[:QUERY_CHARS]) else understand(message, before=(), now=now, zone=zone)


def _names_nothing_but(time: str, message: str) -> bool:
    return not query_terms(_ABOUT_TALK.sub(" ", message.replace(time, " ")))
