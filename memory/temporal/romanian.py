"""Rules for past times in Romanian, folded, so with and without diacritics."""

import re
from functools import partial

from memory.temporal import group_readers as reads, ordinals, points, time_words as words
from memory.temporal.time_spans import WEEK, Moment, Needs, Span, rule, weekend_before
from memory.temporal.time_words import Language, one_of

_PART = rf"(?:de )?(?P<part>{one_of(words.RO_PARTS)})"
_WEEKDAY = one_of(words.RO_WEEKDAYS)
_THE_WEEKDAY = one_of(words.RO_THE_WEEKDAYS | words.RO_WEEKDAYS)
_SEASON = one_of(words.RO_SEASONS)
_UNIT = rf"(?P<unit>{one_of(words.RO_UNITS)})"
_NUMBER = rf"\d{{1,9}}|catev[ao]|cativa|{one_of(words.RO_NUMBERS)}"
_PIECE = r"(?:o )?jum(?:a|ate|atate) de|un sfert de"
_ABOUT = r"(?:(?P<about>vreo|vreun|cam|aproximativ|aproape|circa|peste|mai bine de) )?"
_AMOUNT = rf"(?:(?P<number>{_PIECE}|{_NUMBER}) |(?<=vreo )|(?<=vreun ))"
_HALF = r"(?P<half>(?: si)? jum(?:a|ate|atate))?"
_OF_YEAR = rf"(?:(?: (?:lui|din|anului))? (?P<year>{points.YEAR}))?"
_NOT_OF = r"(?! (?:de|din|a|al|ale)\b)"
_THIS = r"(?:asta|aceasta|acesta|ast[ea])"
_BEFORE_DATE = r"(?:(?P<preposition>pe|din|de pe|la|in|de) )?(?:data de )?"
_UP_TO_NOW = r"(?: (?:incoace|pana acum|pana azi))"
_COUNTED = "".join(
    rf"(?<!\b{word} )"
    for word in ("ultimele", "multe", "cateva", "aceste", "doua", "trei", "patru", "cinci", "sase", "opt")
)
_NOT_COUNTED = rf"{_COUNTED}(?<!\d )(?<!\bde )(?<!\bfiecare )"
_RECORD = re.compile(
    r"\b(?:discuti|conversati|mesaj|notit|poz|sedint|intalnir|petrecer|rezumat)\w*(?: noastra| mea)? $"
)
_VERB = re.compile(r"(?:^|[.,!?\n] ?|(?:at|it|ut|[aeioun]s|inca) )$")


def _since_or_on(found: re.Match[str], moment: Moment) -> Span | None:
    """Read "de luni": since Monday after a verb or with "încoace"; the day itself in "discuția de luni"."""
    if _RECORD.search(found.string, 0, found.start()) and not found["up"]:
        return reads.point(reads.collapse_spaces(found["point"]), moment)
    since = found["up"] or _VERB.search(found.string, 0, found.start())
    return reads.since(found, moment) if since else None


_certain = partial(rule, needs=Needs.NOTHING, language=Language.ROMANIAN)
_past = partial(rule, needs=Needs.PAST, language=Language.ROMANIAN)
_likely = partial(rule, needs=Needs.NO_OTHER_TENSE, language=Language.ROMANIAN)

RULES = (
    _certain(r"ieri", reads.day_ago(1)),
    _certain(rf"ieri {_PART}", reads.day_ago(1)),
    _certain(r"alalta-?ieri", reads.day_ago(2)),
    _certain(r"aseara", reads.day_ago(1, "seara")),
    _certain(r"alalta-?seara", reads.day_ago(2, "seara")),
    _certain(r"(?:azi|asta)-noapte|noaptea trecuta", reads.day_ago(1, "noaptea")),
    _certain(r"(?:azi|astazi) mai devreme|mai devreme (?:azi|astazi)", reads.day_ago(0)),
    _certain(r"zilele trecute", reads.days_back(WEEK.days)),
    _past(r"azi|astazi", reads.day_ago(0)),
    _past(r"de (?P<part>dimineata)", reads.day_ago(0)),
    _likely(rf"(?:azi|astazi) {_PART}", reads.day_ago(0)),
    _past(rf"(?P<unit>saptamana|luna|an)(?:ul)? {_THIS}", reads.this_named),
    _certain(
        rf"(?P<name>saptamana|luna|an|week-?end|craciun|{one_of(words.RO_MONTHS)}|{_THE_WEEKDAY}|{_SEASON})"
        r"(?:-?ul)? (?:trecuta?|precedenta?)",
        reads.last_named,
    ),
    _certain(rf"(?:in )?ultim(?:ele|ii) (?:(?P<number>{_NUMBER}) )?(?:de )?{_UNIT}", reads.latest_amount),
    _certain(
        rf"(?:in )?(?<!pentru )ultim(?:a|ul)(?P<number>) (?P<unit>saptamana|luna|an){_NOT_OF}",
        reads.latest_amount,
    ),
    _certain(r"in ultima(?P<number>) (?P<unit>ora)", reads.latest_amount),
    _certain(rf"acum {_ABOUT}{_AMOUNT}(?:de )?{_UNIT}{_HALF}", reads.amount_ago),
    _certain(
        rf"(?:cu )?{_ABOUT}(?P<number>{_PIECE}|{_NUMBER}) (?:de )?{_UNIT}{_HALF} in urma", reads.amount_ago
    ),
    _certain(rf"in urma cu {_ABOUT}(?P<number>{_PIECE}|{_NUMBER}) (?:de )?{_UNIT}{_HALF}", reads.amount_ago),
    _past(
        rf"{_NOT_COUNTED}(?P<weekday>{_WEEKDAY})(?: {_PART})?(?! (?:viito|de |intregi|la rand))",
        reads.weekday,
    ),
    _past(
        r"(?P<preposition>in|prin|pe)(?: luna)?(?: la)?(?: (?P<third>inceput|mijloc|sfarsit)ul"
        rf"(?: lunii| lui)?)? (?P<month>{points.RO_MONTH}){_OF_YEAR}",
        reads.month,
    ),
    _past(
        r"(?:la |pe la )?(?P<preposition>)(?P<third>inceput|mijloc|sfarsit)ul (?:lui|lunii) "
        rf"(?P<month>{points.RO_MONTH}){_OF_YEAR}",
        reads.month,
    ),
    _past(
        r"(?:la |pe la |spre )(?P<third>inceput|mijloc|sfarsit)ul lunii(?: asta| acesteia)?",
        ordinals.third_of(0),
    ),
    _certain(r"(?:la |pe la |spre )(?P<third>inceput|mijloc|sfarsit)ul lunii trecute", ordinals.third_of(1)),
    _past(
        rf"(?:in |pe )?(?P<which>ultima|{one_of(words.RO_ORDINALS)}) (?:zi de )?"
        rf"(?P<weekday>{_WEEKDAY}) (?:din|a lunii|a lui) (?P<month>{points.RO_MONTH}){_OF_YEAR}",
        ordinals.nth_weekday,
    ),
    _past(rf"(?:pe |de |la )?(?P<which>intai) (?P<month>{points.RO_MONTH}){_OF_YEAR}", ordinals.ordinal_day),
    _past(
        rf"(?:in )?trimestrul (?:al )?(?P<quarter>[1-4]|i{{1,3}}|iv|intai|doilea|treilea|patrulea){_OF_YEAR}",
        ordinals.quarter,
    ),
    _certain(
        rf"(?P<weekday>{_WEEKDAY})(?:,)? acum (?P<number>{_NUMBER}) (?P<unit>saptamani)",
        ordinals.weekday_weeks_ago,
    ),
    _certain(
        rf"acum (?P<number>{_NUMBER}) (?P<unit>saptamani),? (?:pe )?(?P<weekday>{_WEEKDAY})",
        ordinals.weekday_weeks_ago,
    ),
    _past(rf"(?P<preposition>)(?P<third>)luna (?P<month>{points.RO_MONTH}){_OF_YEAR}", reads.month),
    _past(rf"(?:in |din |prin |peste )(?P<season>{_SEASON}){_OF_YEAR}", reads.season),
    _past(rf"(?P<season>{_SEASON}) (?:lui|din|anului) (?P<year>{points.YEAR})", reads.season),
    _past(rf"(?P<season>{_SEASON}) {_THIS}(?P<year>)", reads.season),
    _past(rf"asta(?:-| )(?P<season>{_SEASON})(?P<year>)", reads.season),
    _past(rf"(?:in|din|prin)(?: anul)? (?P<year>{points.YEAR})", reads.year),
    _past(r"(?:de|la|pe|din) craciun", reads.whole_days(points.christmas_before)),
    _past(r"(?:in|din|peste|de) week-?end", reads.whole_days(weekend_before)),
    _past(rf"{_BEFORE_DATE}(?P<date>{points.RO_DATE})", reads.named_date),
    _likely(rf"{_BEFORE_DATE}(?P<date>{points.RO_DATE}(?<=\d{{4}}))", reads.named_date),
    _past(rf"intre (?P<first>\d{{1,2}}|{points.POINT}) si (?P<last>{points.POINT})", reads.stretch),
    _past(
        rf"(?:de pe|de|din) (?P<first>\d{{1,2}}|{points.POINT})"
        rf" pana (?:pe |in |la )?(?P<last>{points.POINT})",
        reads.stretch,
    ),
    _past(
        rf"(?:inca |incepand )?(?:cu|de pe|de|din) (?P<point>{points.POINT})(?P<up>{_UP_TO_NOW})?",
        _since_or_on,
    ),
)
