"""Requests for a reminder in a message: its time, its words, and the rest of the message.

Only a person's own words are read. Quotations and code in them are no requests, and neither are questions
to the memory: "remind me what I said".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from functools import cached_property

from memory.reminders.future_times import FutureTime, find_lead, find_times, is_led, is_limited, is_unclear
from memory.reminders.reminder import LONGEST_TEXT, Schedule
from memory.reminders.repetition import moved_rule
from memory.reminders.time_parts import TimeParts, completed
from memory.temporal.message_text import SENTENCE, fold, normalise_message
from memory.temporal.tense import Tense, tense
from memory.temporal.time_spans import Moment
from memory.temporal.time_words import Language
from memory.text.text import LazyPattern

_ENGLISH = r"""remind\ (?:me|us) | (?:set|create|make|add)(?:\ me|\ us)?\ (?:a|another|the)\ reminder
    | (?:don't|do\ not)\ let\ (?:me|us)\ forget"""
_ROMANIAN = r"""(?:re)?aminteste(?:-|\ )(?:mi|ne) | amintiti-(?:mi|ne) | ad[uo](?:-|\ )(?:mi|ne)\ aminte
    | aduceti-(?:mi|ne)\ aminte | (?:sa-mi|sa\ imi|imi|sa\ ne|ne)\ (?:re)?amintesti(?:\ te\ rog)?
    | (?:sa-mi|sa\ imi|imi|sa\ ne|ne)\ (?:aduci|aduceti)\ aminte | nu\ ma\ lasa\ sa\ uit
    | (?:pune|seteaza|creeaza|fa)(?:-mi|\ mi)?\ (?:un\ |o\ )?(?:reminder|memento|alarma)"""
_TRIGGER = LazyPattern(rf"(?<![\w'-])(?:(?P<en>{_ENGLISH})|(?P<ro>{_ROMANIAN}))(?![\w-])", re.VERBOSE)
_POLITE = LazyPattern(
    r"""(?:[\W\d_]|\b(?:voice\ message|nu\ uita|don't\ forget|please|pls|kindly
    |just|hey|hi|hello|ok|okay|so|and|also|then|now|goat|bot|thanks
    |thank\ you|thx|can|could|would|will|you|i|we|want|need|'?d|like|to|te|va|rog|frumos|poti|puteti|ai|ati
    |putea|vrei|vreau|as|vrea|sa|si|apoi|deci|bine|salut|buna|hei|mersi|multumesc|merci|de|la)\b)*""",
    re.VERBOSE,
)
_QUESTION = LazyPattern(
    r"""[\s,]*(?:(?:about|of|despre|de|la|cu|pe|din|in|again|iar)\s+)?(?:what|who|whom|whose|which|how|where|why
    |when|if|whether|ce|cine|cui|care|cum|unde|cat|cata|cati|cate|cand|daca)\b""",
    re.VERBOSE,
)
_LINK = LazyPattern(r"[\s,:–-]*(?:(?P<to>to|sa|that|ca)|about|of|for|de|despre|pentru)?(?![\w-])[\s,:–-]*")
_FOR = LazyPattern(r"[\s,:–-]*(?:(?:for|pentru)\s+)?")
"""Before a time next to the request: "set a reminder for tomorrow"."""
_AND = LazyPattern(r",?\s+(?:and|si)\s+(?:again\s+|iar\s+)?")
_COMMA = LazyPattern(r"\s*,\s*")
"""Between times that each get a reminder: "at 8, at 12 and at 20"."""
_MATTER = LazyPattern(r"[\s,:–-]*(?:(?:to|that|about|of|for|sa|ca|de|despre|pentru)\b|$)")
"""After such times next to the request; others end the sentence."""
_ABOUT_IT = LazyPattern(r"(?:for|until|till|by|about|from|pentru|pana|despre|din)\s+$")
MOST_REQUESTS = 10
"""Reminders that one message may set."""
_EDGES = " \t\n,;:.!?-–"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderRequest:
    text: str
    """What to remind of."""
    schedule: Schedule | None
    """None: no time is named, or it is over."""
    is_whole: bool = False
    """The message says nothing but such requests."""


def read_requests(message: str, *, now: datetime, zone: tzinfo) -> list[ReminderRequest]:
    """Find the requests for reminders in a person's own words, written at `now` (aware) in `zone`.

    A request for a time that is over has no schedule.
    """
    text = normalise_message(message)
    folded = fold(text)
    if not _TRIGGER.compiled.search(folded):
        return []
    moment, found, rest = Moment(now, zone), list[ReminderRequest](), ""
    for sentence in SENTENCE.compiled.finditer(folded):
        trigger = _TRIGGER.compiled.search(sentence[0])
        words = text[sentence.start() : sentence.end()]
        requests = _Sentence(words, sentence[0], trigger, moment).requests() if trigger else []
        taken = requests[: MOST_REQUESTS - len(found)]
        found += taken
        rest += "" if requests and len(taken) == len(requests) else sentence[0]
    is_whole = bool(_POLITE.compiled.fullmatch(rest))
    return [replace(one, is_whole=is_whole) for one in found]


def may_ask(message: str) -> bool:
    """Return True if a message has the words of a request; needs no time zone."""
    return bool(_TRIGGER.compiled.search(fold(normalise_message(message))))


def read_move(words: str, schedule: Schedule, *, now: datetime, zone: tzinfo) -> Schedule | None:
    """Return a schedule moved to what words name, such as "tomorrow at 10"; None if there is none to come.

    An hour alone is on the day of the next time. The repetition stays, unless the words name another.
    """
    moment = Moment(now, zone)
    found = find_times(fold(normalise_message(words)), moment)
    if not found:
        return None
    parts = found[0].parts
    if parts.is_hour and (moved := _same_day(parts, schedule, moment)):
        return moved
    named = parts.schedule(moment)
    return replace(named, rule=named.rule or moved_rule(schedule.rule, named.first)) if named else None


def _same_day(parts: TimeParts, schedule: Schedule, moment: Moment) -> Schedule | None:
    """Return a schedule moved to another hour of its next day; None if that is over."""
    before = moment.local(schedule.at.astimezone(moment.zone).date()) - timedelta(seconds=1)
    moved = parts.schedule(Moment(before, moment.zone))
    if moved is None:
        return None
    moved = replace(moved, rule=schedule.rule)
    return moved if moved.at > moment.now else moved.after(moment.now)


class _Sentence:
    """A sentence with the words of a request."""

    def __init__(self, text: str, folded: str, trigger: re.Match[str], moment: Moment) -> None:
        self._text = text
        self._folded = folded
        self._trigger = trigger
        self._moment = moment
        self._times = find_times(folded, moment)

    def requests(self) -> list[ReminderRequest]:
        """Return a request for each time; none if the sentence is about something else."""
        before = self._without_times(0, self._trigger.start())
        if not _POLITE.compiled.fullmatch(before) or self._is_question():
            return []
        times = self._chosen()
        link = self._link()
        schedules = self._schedules(times)
        if not schedules and not link["to"] and not self._is_to_come(times):
            return []
        if not link["to"] and self._is_past(link.end()):
            return []
        words = self._words(link.start("to") if link["to"] == "sa" else link.end(), times)
        request = ReminderRequest(text=words[:LONGEST_TEXT], schedule=None)
        return [replace(request, schedule=one) for one in schedules] or [request]

    def _schedules(self, times: Sequence[FutureTime]) -> list[Schedule]:
        """Return the times to remind at: the named ones, or earlier if the sentence says so."""
        parts = [time.parts for time in times]
        schedules = [one.schedule(self._moment) for one in (completed(parts) if len(parts) > 1 else parts)]
        if self._is_unclear or any(is_limited(self._folded, time) for time in times):
            return []
        lead = times and find_lead(self._folded, self._trigger.end(), times[0].start, self._moment)[0]
        if lead:
            schedules = [one and one.earlier(lead).after(self._moment.now) for one in schedules]
        return list(dict.fromkeys(one for one in schedules if one))

    def _is_question(self) -> bool:
        """Return True for "remind me what ...", also with a time in between."""
        after = self._without_times(self._trigger.end(), len(self._folded))
        return bool(_QUESTION.compiled.match(after))

    def _is_past(self, start: int) -> bool:
        language = Language.ENGLISH if self._trigger["en"] else Language.ROMANIAN
        return tense(self._folded[start:], "", language) is Tense.PAST

    def _chosen(self) -> list[FutureTime]:
        """Return the times to remind at: next to the request, else the last that is not part of the matter.

        Several are returned only if they are named together.
        """
        if self._together:
            return self._together
        early = [time for time in self._times if time.end <= self._matter()]
        own = [
            time
            for time in self._times
            if not self._is_about(time) or is_led(self._folded, self._trigger.end(), time, self._moment)
        ]
        return early[-1:] or own[-1:]

    @cached_property
    def _together(self) -> list[FutureTime]:
        """The times of a list such as "at 8, at 12 and at 20"; empty without one."""
        run = list[FutureTime]()
        for time in reversed(self._times):
            link = _COMMA if len(run) > 1 else _AND
            if run and not link.compiled.fullmatch(self._folded, time.end, run[0].start):
                if len(run) > 1:
                    break
                run = []
            run.insert(0, time)
        if len(run) < 2 or any(map(self._is_about, run)) or not completed([time.parts for time in run]):  # noqa: PLR2004
            return []
        end = self._trigger.end()
        if run[0].start >= end and _FOR.compiled.fullmatch(self._folded, end, run[0].start):
            return run if _MATTER.compiled.match(self._folded, run[-1].end) else []
        is_last = _POLITE.compiled.fullmatch(self._folded, run[-1].end)
        return run if is_last and all(time.parts.hour for time in run) else []

    def _is_about(self, time: FutureTime) -> bool:
        """Return True for a time that belongs to the matter: "book a table for Friday"."""
        return bool(_ABOUT_IT.compiled.search(self._folded[: time.start]))

    @cached_property
    def _is_unclear(self) -> bool:
        return is_unclear(self._folded, self._trigger.end(), self._times)

    def _is_to_come(self, times: Sequence[FutureTime]) -> bool:
        """Return False for the time of a past event: "remind me about the meeting on 3 March"."""
        is_next = bool(times) and times[-1].end <= self._matter()
        return is_next or self._is_unclear or any(time.parts.every for time in times)

    def _matter(self) -> int:
        """Return where the words of the matter begin: after the request and the times next to it."""
        end = self._trigger.end()
        for time in self._times:
            if time.start >= end and _FOR.compiled.fullmatch(self._folded, end, time.start):
                end = self._together[-1].end if time in self._together else time.end
        return end

    def _link(self) -> re.Match[str]:
        """Return the match of "to", "that" and the like before the matter."""
        found = _LINK.compiled.match(self._folded, self._matter())
        assert found is not None  # noqa: S101 - each part is optional
        return found

    def _words(self, start: int, times: Sequence[FutureTime]) -> str:
        """Return the matter without its times, as it was written."""
        if not times or times[0].start < start:
            kept = self._text[start:]
        else:
            kept = f"{self._text[start : times[0].start].rstrip()} {self._text[times[-1].end :].lstrip()}"
        words = " ".join(kept.split()).strip(_EDGES)
        for polite in ("please", "thanks", "thank you", "te rog", "mersi"):
            words = words.removesuffix(polite).strip(_EDGES) if words.lower().endswith(polite) else words
        return words or " ".join(self._text.split()).strip(_EDGES)

    def _without_times(self, start: int, end: int) -> str:
        return without(self._folded, self._times, start, end)


def without(text: str, times: Sequence[FutureTime], start: int, end: int) -> str:
    """Return a part of a text without the times in it."""
    kept, place = "", start
    for time in times:
        if time.start >= place and time.end <= end:
            kept, place = f"{kept}{text[place : time.start]} ", time.end
    return kept + text[place:end]
