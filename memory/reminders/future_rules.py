"""Rules for future times in English and Romanian, folded."""

from dataclasses import dataclass

from memory.reminders import part_readers as reads
from memory.temporal import points, time_words as words
from memory.temporal.time_spans import whole_words
from memory.temporal.time_words import one_of
from memory.text.text import LazyPattern

_EN_DAY, _RO_DAY = one_of(words.EN_WEEKDAYS), one_of(words.RO_WEEKDAYS)
_RO_THE = one_of(words.RO_THE_WEEKDAYS.keys() - words.RO_WEEKDAYS.keys())
_EN_PART, _RO_PART = one_of(words.EN_PARTS), one_of(reads.RO_PARTS)
_EN_UNIT, _RO_UNIT = one_of(words.EN_UNITS), one_of(words.RO_UNITS)
_FIGURE = r"\d{1,4}(?:[.,]5)?"
_EN_COUNT = (
    rf"(?:{_FIGURE}|{one_of(words.EN_NUMBERS)}) and a half"
    rf"|{_FIGURE}|half an?|(?:a )?quarter of an|(?:a )?couple(?: of)?|{one_of(words.EN_NUMBERS)}"
)
_RO_COUNT = rf"{_FIGURE}|(?:o )?jumatate de|un sfert de|{one_of(words.RO_NUMBERS)}"
_MINUTES = r"(?:,? (?:and|si)) [1-5]?\d"
_EN_MORE = (
    r"(?P<share> and (?:a half|a quarter|three quarters))?"
    rf"(?P<more>(?:(?:,|,? and)? (?:{_EN_COUNT}) {_EN_UNIT}\b){{1,2}}|{_MINUTES}(?= to\b|\W*$))?"
)
_RO_MORE = (
    r"(?P<share>(?: si)? (?:jumate|jumatate|jum)| si (?:un sfert|trei sferturi)(?! de))?"
    rf"(?P<more>(?:(?:,|,? si)? (?:{_RO_COUNT}) (?:de )?{_RO_UNIT}\b){{1,2}}|{_MINUTES}(?= sa\b|\W*$))?"
)
"""The rest of a delay: "and a half", "and 30 minutes", "and 30"."""
_SHORT = (
    r"(?P<hours>\d{1,3}(?:[.,]\d{1,2})?)(?: )?(?:h|hrs?)"
    r"(?:(?: )?(?P<minutes>[0-5]?\d)(?:(?: )?(?:m|mins?|minutes?))?)?"
)
"""A delay such as "2h", "1h30" or "1 h 30 min"."""
_NO_MORE = r"(?P<share>)(?P<more>)"
_HOUR = rf"(?P<hour>\d{{1,2}}|{one_of(words.NUMBERS.keys() - {'a', 'an', 'o', 'un', 'couple'})})"
_AMOUNTS = one_of([*words.UNITS, "lei", "euro", "dollars", "people", "persoane", "km", "kg"])
_NO_HOUR = rf"(?![\w%/-]|[.,:]\d|(?: )?(?:%|(?:de )?{_AMOUNTS}\b))"
"""Excludes amounts: "la 2 zile", "at 50 euro"."""
_DAY_NAME = rf"(?:{one_of(reads.GROUPS)}|{_EN_DAY}s?|{_RO_DAY}|{_RO_THE})"


@dataclass(frozen=True, slots=True)
class PartRule:
    """A pattern for one part of a time."""

    pattern: LazyPattern
    read: reads.Read


def _rule(pattern: str, read: reads.Read) -> PartRule:
    return PartRule(whole_words(pattern), read)


LEADS = (
    _rule(
        rf"(?P<number>{_EN_COUNT}) (?P<unit>minutes?|mins?|hours?|days?|weeks?){_EN_MORE} before",
        reads.delay,
    ),
    _rule(
        rf"(?P<number>{_RO_COUNT}) (?:de )?(?P<unit>minute?|or[ae]|zi(?:le)?|saptaman[ai]){_RO_MORE}"
        r" inaintea?",
        reads.delay,
    ),
    _rule(rf"(?:{_SHORT}|(?P<alone>\d{{1,4}})mins?) (?:before|inaintea?)", reads.short_delay),
    _rule(rf"the (?P<unit>hour|day|week){_NO_MORE} before(?! yesterday)", reads.delay),
    _rule(rf"in (?P<unit>zi(?=ua)|saptamana)(?:ua)?{_NO_MORE} dinaintea?", reads.delay),
)
"""How long before a time to remind."""
UNCLEAR_LEAD = whole_words(
    rf"(?:the|cu o|in) (?:{_EN_PART}|{_RO_PART}) (?:before(?! yesterday)|(?:d|de )?inaintea?)"
    rf"|(?:{_EN_COUNT}|the) (?:months?|years?) before"
    rf"|(?:{_RO_COUNT}) (?:de )?(?:luna|luni|an|ani) inaintea?|in ajunul"
)
"""A lead without an hour, or in units that vary in length."""
_AT = r"(?:(?:at|around|@)(?: about| around)?)"
_PIECES = r"un sfert|sfert|\d\d?"
RULES = (
    _rule(r"today|azi|astazi", reads.days_on(0)),
    _rule(r"tomorrow|tmrw|maine", reads.days_on(1)),
    _rule(r"(?:the )?day after tomorrow|poimaine", reads.days_on(2)),
    _rule(r"tonight|d[ei]seara|(?:in )?seara asta|asta(?:-| )seara", reads.days_on(0, "evening")),
    _rule(r"la noapte", reads.days_on(0, "night")),
    _rule(
        rf"(?:on |by )?(?:the )?(?:(?P<which>this|this coming|next|coming) )?(?P<weekday>{_EN_DAY})",
        reads.weekday,
    ),
    _rule(rf"(?:on )?(?P<weekday>{_EN_DAY}) (?P<which>next) week", reads.weekday),
    _rule(
        rf"(?:pe )?(?:(?P<weekday>{_RO_DAY})|(?P<the>{_RO_THE}|sambata|duminica)"
        r" (?P<which>viitoare|asta|aceasta|urmatoare))(?! trecut| precedent)",
        reads.weekday,
    ),
    _rule(rf"(?:pe )?(?P<weekday>{_RO_DAY}) (?:de )?saptamana (?P<which>viitoare)", reads.weekday),
    _rule(r"next week|saptamana (?:viitoare|urmatoare|care vine)", reads.next_week),
    _rule(r"next month|luna (?:viitoare|urmatoare|care vine)", reads.next_month),
    _rule(r"(?:on |at |this )(?:the )?week-?end|in week-?end", reads.weekend),
    _rule(rf"(?:on |by )?(?:the )?(?P<date>{points.EN_DATE})", reads.read_date),
    _rule(rf"(?:pe |in )?(?:data de )?(?P<date>{points.RO_DATE})", reads.read_date),
    _rule(rf"(?:on |pe |in )?(?:data de )?(?P<date>{points.FIGURES})", reads.read_date),
    _rule(
        rf"(?:on|pe|din|in) (?:data de )?(?P<day>\d{{1,2}})[./](?P<month>\d{{1,2}})(?![./:]?\d){_NO_HOUR}",
        reads.short_date,
    ),
    _rule(r"on the (?P<day>\d{1,2})(?:st|nd|rd|th)", reads.day_of_month),
    _rule(r"(?:on )?the (?P<day>\d{1,2})(?:st|nd|rd|th) of (?:every|each) month", reads.monthly),
    _rule(r"pe (?:data de |ziua de )?(?P<day>\d{1,2}) (?:a|ale) fiecarei luni", reads.monthly),
    _rule(rf"on (?P<weekday>{one_of(reads.SHORT_DAYS)})(?=\W*$| (?:at|to|about)\b)", reads.weekday),
    _rule(rf"(?P<weekday>{one_of(reads.SHORT_DAYS.keys() - {'sat', 'sun'})})(?= at \d)", reads.weekday),
    _rule(rf"pe (?:data de |ziua de )?(?P<day>\d{{1,2}}){_NO_HOUR}", reads.day_of_month),
    _rule(
        rf"(?:{_AT} )?{_HOUR}(?:[:.](?P<minute>\d\d))?(?: )?(?P<noon>am|pm|a\.m\.?|p\.m\.?)", reads.read_hour
    ),
    _rule(rf"{_AT} {_HOUR}(?:[:.](?P<minute>\d\d))?(?: o'clock)?{_NO_HOUR}", reads.read_hour),
    _rule(rf"(?:{_AT}|la(?: ora)?) (?P<hour>\d{{1,2}})(?: )?h(?P<minute>\d\d)?", reads.read_hour),
    _rule(rf"(?:{_AT} )?(?P<hour>\d{{1,2}}):(?P<minute>\d\d){_NO_HOUR}", reads.read_hour),
    _rule(rf"(?:{_AT} )?{_HOUR} o'clock", reads.read_hour),
    _rule(rf"(?:{_AT} )?(?P<plus>half|(?:a )?quarter) past {_HOUR}{_NO_HOUR}", reads.read_hour),
    _rule(rf"(?:{_AT} )?(?P<minus>(?:a )?quarter) to {_HOUR}{_NO_HOUR}", reads.read_hour),
    _rule(
        rf"(?:(?:pe |pana |(?P<de>de ))?la (?:ora |orele )?|ora |orele ){_HOUR}(?:[:.](?P<minute>\d\d)"
        rf"| si (?P<plus>jumatate|jum|{_PIECES})| fara (?P<minus>{_PIECES}))?{_NO_HOUR}"
        rf"(?(de)(?: (?:pana )?la \d{{1,2}}(?:[:.]\d\d)?{_NO_HOUR})?)",
        reads.read_hour,
    ),
    _rule(r"(?:at )?(?:noon|midday)|la (?:pranz|amiaza)", reads.fixed_hour(12)),
    _rule(r"(?:at )?midnight|la miezul noptii", reads.fixed_hour(24)),
    _rule(rf"(?:in the |(?P<today>this ))(?P<part>{_EN_PART})", reads.part),
    _rule(r"at (?P<part>night)", reads.part),
    _rule(rf"(?P<part>{_EN_PART})", reads.bound_part),
    _rule(rf"(?:de |pe )?(?P<part>{_RO_PART})", reads.part),
    _rule(
        rf"(?:in|after) (?:about )?(?P<number>{_EN_COUNT}) (?P<unit>{_EN_UNIT}){_EN_MORE}(?:['’]s? time)?",
        reads.delay,
    ),
    _rule(rf"(?P<number>{_EN_COUNT}) (?P<unit>{_EN_UNIT}){_EN_MORE} from now", reads.delay),
    _rule(
        rf"(?:in|after|peste|dupa) (?:about |vreo |cam )?(?:{_SHORT}|(?P<alone>\d{{1,4}})(?:m|mins?))",
        reads.short_delay,
    ),
    _rule(r"in a fortnight(?:['’]s time)?", reads.days_on(14)),
    _rule(
        rf"(?:peste|in|dupa) (?:vreo |cam )?(?P<number>{_RO_COUNT}) (?:de )?(?P<unit>{_RO_UNIT}){_RO_MORE}",
        reads.delay,
    ),
    _rule(r"intr-(?:o|un) (?P<number>jumatate de|sfert de) (?P<unit>ora)(?P<share>)(?P<more>)", reads.delay),
    _rule(rf"(?:intr-(?:o|un)|peste) (?P<unit>minut|ora|zi|saptamana|luna|an){_RO_MORE}", reads.delay),
    _rule(
        rf"(?:every|each) (?:(?P<other>other|second) )?(?:(?P<number>{_EN_COUNT}) )?"
        rf"(?P<unit>{_EN_UNIT})",
        reads.every_unit,
    ),
    _rule(
        rf"(?:every|each) (?P<other>other |second )?(?P<days>{_DAY_NAME}(?:{reads.AND}{_DAY_NAME})*)",
        reads.every_day,
    ),
    _rule(rf"(?:every|each) (?P<part>{_EN_PART})", reads.every_part),
    _rule(
        rf"(?:on )?(?P<days>(?:{_EN_DAY}s|weekdays|weekends|workdays)"
        rf"(?:{reads.AND}(?:{_EN_DAY}s|weekends))*)",
        reads.every_day,
    ),
    _rule(rf"(?P<adverb>{one_of(reads.ADVERBS)})", reads.adverb),
    _rule(
        rf"(?:in |la )?fiecare (?:(?P<number>{_RO_COUNT}) (?:de )?(?P<units>{_RO_UNIT})"
        r"|(?P<unit>ora|zi|saptamana|luna|an))(?! lucratoare)",
        reads.every_unit,
    ),
    _rule(
        rf"din (?P<number>{_RO_COUNT}) in (?:{_RO_COUNT}) (?:de )?(?P<units>{_RO_UNIT})(?P<unit>)",
        reads.every_unit,
    ),
    _rule(r"o data pe (?P<unit>ora|zi|saptamana|luna|an)", reads.every_unit),
    _rule(rf"(?:in )?fiecare (?P<part>{_RO_PART})", reads.every_part),
    _rule(
        rf"(?:in )?fiecare (?P<days>{_DAY_NAME}(?:{reads.AND}(?:in fiecare )?{_DAY_NAME})*)", reads.every_day
    ),
    _rule(
        rf"(?P<days>{_RO_THE}(?:{reads.AND}(?:{_RO_THE}|{_RO_DAY}))*)"
        r"(?! viitoare| urmatoare| asta| aceasta| trecut)",
        reads.every_day,
    ),
    _rule(
        r"(?:from )?monday (?:to|through) friday"
        r"|(?:in )?zilele lucratoare|in (?:timpul|cursul) saptamanii|de luni pana vineri",
        reads.workdays,
    ),
)
