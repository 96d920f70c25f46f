"""Search for the past time that a message speaks of."""

import re
from dataclasses import replace
from datetime import UTC, datetime, tzinfo

from memory.temporal import english, group_readers, holidays, other_languages, points, romanian, time_spans
from memory.temporal.message_text import fold, normalise_message, sentence_around
from memory.temporal.tense import Tense, tense
from memory.temporal.time_spans import Moment, Needs, Rule, Span
from memory.temporal.time_words import Language

MAX_CANDIDATES = 20
_NUMERIC_DATE = time_spans.rule(
    rf"(?:(?:on|from|of|de pe|pe|din) )?(?P<date>{points.FIGURES})",
    group_readers.figures,
    needs=Needs.NO_OTHER_TENSE,
    language=Language.ANY,
)
_RULES = (*english.RULES, *romanian.RULES, _NUMERIC_DATE, *other_languages.RULES, *holidays.RULES)
_HINTS = re.compile(
    r"""\d{4} | \bago\b | \b(?:yester|today|last|past|earlier|this|the\ other|ieri|alalta|asear|azi|ast[ae]
    |acum|urma|trecut|preced|ultim|dimineata|craciun|christmas|week-?end|winter|spring|summer|autumn|fall|iarna
    |primavara|vara|toamna|monday|tuesday|wednesday|thursday|friday|saturday|sunday|luni|marti|miercuri|joi
    |vineri|sambata|duminica
    |back|month|quarter|trimestr|inceput|mijloc|sfarsit|hier|ayer|anoche|gestern|tegnap|semaine|semana|woche|het
    |lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|lunes|martes|miercoles|jueves|viernes|sabado|domingo
    |montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|kedd|szerda|csutortok|pentek|szombat|vasarnap
    |easter|thanksgiving|halloween|valentin|new\ year|boxing|black\ friday|bank\ holiday|revelion|anul\ nou
    |past[ei]|ajun|nicolae|nicholas|sf|noel|nouvel|l'an|paques|navidad|noche|pascua|ano\ nuevo|weihnacht
    |heilig|silvester|neujahr|ostern|nikolaus|reveillon
    |mois|mes|monat|honap|fev|avr|jui|aou|ene|abr|ago|dic|okt|dez|maj|sze
    |jan|feb|mar|apr|may|mai|jun|iun|jul|iul|aug|sep|oct|nov|noi|dec|ian)""",
    re.VERBOSE,
)
_NOT_UP_TO_IT = re.compile(r"\b(?:until|till|til|by|before|after|dupa|pana|inainte de)\s+(?:pe |in |la )?$")
_MADE_UP = re.compile(
    r"""\b(?:translate|tradu|traduci|conjuga\w*|(?:write|compose|invent|scrie|compune|inventeaza)\b[^,]{0,30}
    \b(?:story|poem|song|tale|essay|poveste|poezie|cantec|eseu))\b""",
    re.VERBOSE,
)
_OF_A_RECORD = re.compile(r"(?:from|de|din)\b")  # "the notes from Monday" are past in themselves


def find_range(message: str, *, now: datetime, zone: tzinfo) -> Span | None:
    """Find the first past time in `message`, written at `now` (aware) in `zone`.

    The end is never later than `now`. Times in sentences about the present or future are skipped.
    """
    text = normalise_message(message)
    folded = fold(text)
    if not _HINTS.search(folded):
        return None
    for rule, found in _candidates(folded):
        span = _past_span(rule, found, now, zone)
        if span:
            return replace(span, text=text[found.start() : found.end()])
    return None


def _candidates(folded: str) -> list[tuple[Rule, re.Match[str]]]:
    """Return the matches of all rules, leftmost first, then longest; at most `MAX_CANDIDATES`."""
    matched = [(rule, found) for rule in _RULES for found in rule.pattern.compiled.finditer(folded)]
    return sorted(matched, key=lambda each: (each[1].start(), -each[1].end()))[:MAX_CANDIDATES]


def _past_span(rule: Rule, found: re.Match[str], now: datetime, zone: tzinfo) -> Span | None:
    before, after = sentence_around(found.string, found.start(), found.end())
    if _NOT_UP_TO_IT.search(before) or _MADE_UP.search(before):
        return None
    link = _OF_A_RECORD.match(found[0])
    before += link[0] if link else ""
    spoken = Tense.PAST if rule.needs is Needs.NOTHING else tense(before, after, rule.language)
    if spoken is not Tense.PAST and (spoken is Tense.OTHER or rule.needs is Needs.PAST):
        return None
    try:
        span = rule.read(found, Moment(now.astimezone(UTC), zone))
    except (ValueError, OverflowError):  # no such day or year
        return None
    return _completed(span, now.astimezone(UTC), may_run_on=spoken is Tense.PAST) if span else None


def _completed(span: Span, now: datetime, *, may_run_on: bool) -> Span | None:
    """Clip a span at `now`; None if it has not begun, or is not over and must be."""
    if span.start >= now or (span.end > now and not may_run_on):
        return None
    return Span(span.start, min(span.end, now))
