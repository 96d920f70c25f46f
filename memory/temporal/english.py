"""Rules for past times in English."""

from functools import partial

from memory.temporal import group_readers as reads, ordinals, points, time_words as words
from memory.temporal.time_spans import WEEK, Needs, rule, weekend_before
from memory.temporal.time_words import Language, one_of

_PART = rf"(?P<part>{one_of(words.EN_PARTS)})"
_WEEKDAY = one_of(words.EN_WEEKDAYS)
_MONTH = one_of(words.EN_MONTHS)
_SEASON = one_of(words.EN_SEASONS)
_UNIT = rf"(?P<unit>{one_of(words.EN_UNITS)})"
_NUMBER = rf"""\d{{1,9}}|(?:a )?couple(?: of)?|(?:a |the )?few|several|{one_of(words.EN_NUMBERS)}"""
_ABOUT = r"(?:(?P<about>about|around|roughly|approximately|some|almost|nearly|over|maybe|like) )?"
_OF_YEAR = rf"(?:(?: of)? (?P<year>{points.YEAR}))?"
_NOT_OF = r"(?! of\b)"
_BEFORE_DATE = r"(?:(?P<preposition>on|from|of|in) )?(?:the )?"
_CLAUSE_ENDS = (
    r"(?=\s*(?:[^\w\s]|$)| (?:i|you|we|he|she|it|they|my|your|our|his|her|their|the|there|someone"
    r"|when|that|and|but|or|about|did|was|were|is|had|has|have)\b)"
)
"""Excludes a following noun: "two weeks back pain"."""
_TO = r"(?:to|until|till|through|and)"


_certain = partial(rule, needs=Needs.NOTHING, language=Language.ENGLISH)
_past = partial(rule, needs=Needs.PAST, language=Language.ENGLISH)
_likely = partial(rule, needs=Needs.NO_OTHER_TENSE, language=Language.ENGLISH)

_WHICH = rf"(?P<which>last|{one_of(list(words.EN_ORDINALS)[:5])})"
_DAY_IN_WORDS = rf"(?P<which>{one_of(w.replace('-', '[ -]') for w in words.EN_ORDINALS)})"
_THIRD = r"(?P<third>beginning|start|middle|end)"

RULES = (
    _certain(r"yesterday", reads.day_ago(1)),
    _certain(rf"yesterday {_PART}", reads.day_ago(1)),
    _certain(r"(?:the )?day before yesterday", reads.day_ago(2)),
    _certain(r"last night", reads.hours_of_yesterday(17, 30)),
    _certain(r"last evening", reads.hours_of_yesterday(17, 24)),
    _certain(r"earlier today", reads.day_ago(0)),
    _certain(r"earlier this (?P<unit>week|month|year)", reads.this_named),
    _certain(r"the other day", reads.days_back(WEEK.days)),
    _past(r"today", reads.day_ago(0)),
    _past(r"this (?P<unit>week|month|year)", reads.this_named),
    _likely(rf"this {_PART}", reads.day_ago(0)),
    _certain(
        rf"(?<!the )(?<!\ba )(?:last|this past) (?P<name>week|month|year|week-?end|christmas"
        rf"|{_WEEKDAY}|{_MONTH}|{_SEASON}){_NOT_OF}(?! \d)",
        reads.last_named,
    ),
    _certain(
        rf"(?<!for )(?<!for the )(?:(?:in|over|during|within|from|throughout) )?(?:the |these )?"
        rf"(?:last|past) (?P<number>{_NUMBER}) {_UNIT}{_NOT_OF}",
        reads.latest_amount,
    ),
    _certain(
        r"(?:in|over|during|within|from|throughout) (?:the|this) (?:last|past)(?P<number>) "
        rf"(?P<unit>hour|day|week|month|year){_NOT_OF}",
        reads.latest_amount,
    ),
    _certain(
        rf"{_ABOUT}(?P<number>half an?|(?:a )?quarter of an|{_NUMBER}) {_UNIT}(?P<half> and a half)? ago",
        reads.amount_ago,
    ),
    _likely(
        rf"{_ABOUT}(?P<number>{_NUMBER}) {_UNIT}(?P<half> and a half)? back{_CLAUSE_ENDS}",
        reads.amount_ago,
    ),
    _certain(
        rf"(?:on )?(?P<weekday>{_WEEKDAY})(?: of)? (?P<number>{_NUMBER}) (?P<unit>weeks?) ago",
        ordinals.weekday_weeks_ago,
    ),
    _certain(
        rf"(?P<number>{_NUMBER}) (?P<unit>weeks?) ago,? on (?P<weekday>{_WEEKDAY})",
        ordinals.weekday_weeks_ago,
    ),
    _past(
        rf"(?:on |in )?(?:the )?{_WHICH} (?P<weekday>{_WEEKDAY}) (?:of|in) (?P<month>{_MONTH}){_OF_YEAR}",
        ordinals.nth_weekday,
    ),
    _past(rf"(?:on )?(?:the )?{_DAY_IN_WORDS} of (?P<month>{_MONTH}){_OF_YEAR}", ordinals.ordinal_day),
    _past(
        rf"(?P<preposition>at|in|by|from|towards|around) the {_THIRD} of (?P<month>{_MONTH}){_OF_YEAR}",
        reads.month,
    ),
    _past(rf"(?:at|in|by|from|towards|around) the {_THIRD} of (?:the|this) month", ordinals.third_of(0)),
    _certain(r"(?P<third>early|mid|late)(?: |-)last month", ordinals.third_of(1)),
    _certain(
        rf"(?:at|in|by|from|towards|around) the {_THIRD} of last month",
        ordinals.third_of(1),
    ),
    _past(
        rf"(?:in|during) (?:the )?(?P<quarter>q[1-4]|(?:first|second|third|fourth) quarter)"
        rf"{_OF_YEAR}",
        ordinals.quarter,
    ),
    _past(rf"(?:on|from|on the) (?P<weekday>{_WEEKDAY})(?: {_PART})?", reads.weekday),
    _past(
        rf"(?P<weekday>{_WEEKDAY})(?='s (?:conversation|chat|talk|discussion|message|meeting|dinner|call))",
        reads.weekday,
    ),
    _past(
        r"(?:back )?(?P<preposition>in|during|throughout|from|of) (?:the )?"
        rf"(?:(?P<third>early|mid|late)(?: |-))?(?P<month>{_MONTH}){_OF_YEAR}",
        reads.month,
    ),
    _past(
        rf"(?:back )?(?:in|during|over|throughout|from) (?:the )?(?P<season>{_SEASON}){_OF_YEAR}",
        reads.season,
    ),
    _past(rf"this (?P<season>{_SEASON})(?P<year>)", reads.season),
    _past(rf"(?:back )?(?:in|during|from|throughout) (?P<year>{points.YEAR})", reads.year),
    _past(r"(?:at|on|over|for) christmas", reads.whole_days(points.christmas_before)),
    _past(r"(?:at|on|over|during) the week-?end", reads.whole_days(weekend_before)),
    _past(rf"{_BEFORE_DATE}(?P<date>{points.EN_DATE})", reads.named_date),
    _likely(rf"{_BEFORE_DATE}(?P<date>{points.EN_DATE}(?<=\d{{4}}))", reads.named_date),
    _past(rf"between (?P<first>\d{{1,2}}|{points.POINT}) and (?P<last>{points.POINT})", reads.stretch),
    _past(rf"from (?P<first>\d{{1,2}}|{points.POINT}) {_TO} (?P<last>{points.POINT})", reads.stretch),
    _past(rf"(?:ever )?since (?P<point>{points.POINT})", reads.since),
)
