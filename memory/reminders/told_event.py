"""Future events that a message mentions, for which a reminder is offered: "my exam is on 14 March"."""

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo

from memory.reminders.future_times import FutureTime, find_times
from memory.reminders.reminder import LONGEST_TEXT, Schedule
from memory.reminders.time_parts import Hour, TimeParts
from memory.temporal.message_text import SENTENCE, fold, normalise_message
from memory.temporal.tense import Tense, tense
from memory.temporal.time_spans import DAY, Moment
from memory.temporal.time_words import Language
from memory.text.text import LazyPattern

_EVENT = LazyPattern(
    r"""\b(?:(?P<en>exams?|tests?|interviews?|appointments?|meetings?|flights?|weddings?|birthdays?|deadlines?
    |concerts?|surgery|operation|dentist|doctor|trips?|anniversary|party|conferences?|presentations?
    |match|hearing|check-?up|graduation|christening)
    |(?:examen|interviu|programare|intalnire|sedint|zbor|nunt|aniversare|termen|concert|operati|dentist|doctor
    |medic|excursi|petrecere|conferint|prezentare|meci|botez|scadent|cununi)\w*)\b""",
    re.VERBOSE,
)
_OWN = LazyPattern(
    r"""\b(?:my|our|i|we|i'm|we're|i've|we've|meu|mea|mei|mele|nostru|noastra|am|avem|plec|plecam|mergem|merg
    |ma|ne|mi-am|ne-am)\b""",
    re.VERBOSE,
)
_IN_ENGLISH = LazyPattern(r"\b(?:my|our|i|we)\b(?!-)")
_NOT_SO = LazyPattern(
    r"""\?|\b(?:not|no|never|n't|cancel\w*|if|whether|maybe|might|perhaps|nu|n-am|anulat\w*|daca|poate)\b|n't\b"""
)
_EVENING_BEFORE = Hour(hour=18, exact=True)
_BEFORE = timedelta(hours=2)
_LONGEST_AHEAD = timedelta(days=400)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldEvent:
    """A future event."""

    text: str
    """The sentence that tells it."""
    day: date
    """In the person's zone."""
    schedule: Schedule
    """When a reminder helps: the evening before, or two hours before it."""


def read_event(message: str, *, now: datetime, zone: tzinfo) -> ToldEvent | None:
    """Find the first event of their own that a person states, written at `now` (aware) in `zone`."""
    text = normalise_message(message)
    folded = fold(text)
    if not _EVENT.compiled.search(folded):
        return None
    moment = Moment(now, zone)
    for sentence in SENTENCE.compiled.finditer(folded):
        time = _time_of_event(sentence[0], moment)
        if time is None:
            continue
        words = " ".join(text[sentence.start() : sentence.end()].split()).rstrip(" .!")
        found = _event(words, time.parts, moment)
        if found is not None:
            return found
    return None


def may_tell(message: str) -> bool:
    """Return True if a message names an event; needs no time zone."""
    return bool(_EVENT.compiled.search(fold(normalise_message(message))))


def _time_of_event(sentence: str, moment: Moment) -> FutureTime | None:
    event = _EVENT.compiled.search(sentence)
    if event is None or not _OWN.compiled.search(sentence) or _NOT_SO.compiled.search(sentence):
        return None
    found = [(time, time.parts) for time in find_times(sentence, moment)]
    times = [time for time, parts in found if not parts.every and (parts.day or parts.weekday is not None)]
    if not times:
        return None
    # A word in English may be one in Romanian as well, as "dentist" is.
    languages = {Language.ENGLISH} if event["en"] else {Language.ROMANIAN}
    languages |= set() if _IN_ENGLISH.compiled.search(sentence) else {Language.ROMANIAN}
    before, after = sentence[: times[0].start], sentence[times[0].end :]
    is_past = any(tense(before, after, language) is Tense.PAST for language in languages)
    return None if is_past else times[0]


def _event(words: str, parts: TimeParts, moment: Moment) -> ToldEvent | None:
    event = parts.schedule(moment)
    if event is None or event.at - moment.now > _LONGEST_AHEAD:
        return None
    day = event.local.date()
    evening = TimeParts(day=day - DAY, hour=_EVENING_BEFORE).schedule(moment)
    near = replace(event, at=event.at - _BEFORE, first=event.first - _BEFORE)
    schedule = evening or (near if near.at > moment.now else None)
    return ToldEvent(text=words[:LONGEST_TEXT], day=day, schedule=schedule) if schedule else None
