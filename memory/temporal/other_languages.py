"""Rules for past days in French, Spanish, German and Hungarian, folded."""

import re
from functools import partial

from memory.temporal import group_readers as reads, ordinals, points, time_words as words
from memory.temporal.message_text import sentence_around
from memory.temporal.time_spans import Moment, Needs, Span, rule
from memory.temporal.time_words import Language, Unit, one_of

_MONTH = one_of(words.OTHER_MONTHS)
_WEEKDAY = one_of(words.OTHER_WEEKDAYS)
_ARTICLE = r"(?:(?:le|la|el|los|au|du|de|del|am|vom|den|dem|dia) )?"
_OF_YEAR = rf"(?:,?(?: (?:de|del|du))? (?P<year>{points.YEAR}))?"
_DAY_FIRST = rf"(?P<day>\d{{1,2}})(?:er|\.)?(?: de)? (?P<month>{_MONTH})"
_MONTH_FIRST = rf"(?P<month_first>{_MONTH}) (?P<day_after>\d{{1,2}})(?:\.|-?(?:an|en|jan|jen|i|ei|ai))?"
_LAST_BEFORE, _LAST_AFTER = r"(?:letzten|letzte|vorigen|mult) ", r" (?:dernier|derniere|passee?|pasad[oa])"
_FRENCH = re.compile(
    r"""\b(?:(?:[cdjlmnst]|qu)'(?=[aeiouyh]) | je\ (?:suis|vous|lui|[lnt]')
    | (?:il|elle|on|nous|vous|ils|elles|moi|toi|le|au|aux|une|mon|son|sa|ses|et|est|que|qui|quoi|quel|quelle
    |comment|avec|pour|dans|chez|sur|avons|avez|etait|etais|ete|fait|matin|midi|apres)\b)""",
    re.VERBOSE,
)
"""Words of French that are not words of German or Dutch, where "hier" means "here"."""


def _hier(found: re.Match[str], moment: Moment) -> Span | None:
    """Read "hier" as yesterday in a French sentence, or alone."""
    around = " ".join(sentence_around(found.string, found.start(), found.end()))
    return reads.day_ago(1)(found, moment) if not around.strip(" .") or _FRENCH.search(around) else None


_certain = partial(rule, needs=Needs.NOTHING, language=Language.OTHER)
_past = partial(rule, needs=Needs.PAST, language=Language.OTHER)

RULES = (
    _certain(r"hier soir|anoche|gestern abend|tegnap este", reads.hours_of_yesterday(17, 30)),
    _certain(r"hier", _hier),
    _certain(r"ayer|gestern|tegnap", reads.day_ago(1)),
    _certain(r"avant-hier|anteayer|antier|vorgestern|tegnapelott", reads.day_ago(2)),
    _certain(
        rf"(?:la )?semaine{_LAST_AFTER}|(?:la )?semana{_LAST_AFTER}|{_LAST_BEFORE}(?:woche|heten|het)",
        reads.whole_days(partial(reads.last_unit, Unit.WEEK)),
    ),
    _certain(
        rf"(?:le )?mois{_LAST_AFTER}|(?:el )?mes{_LAST_AFTER}|{_LAST_BEFORE}(?:monat|honapban|honap)",
        reads.whole_days(partial(reads.last_unit, Unit.MONTH)),
    ),
    _certain(rf"{_ARTICLE}(?P<weekday>{_WEEKDAY}){_LAST_AFTER}", ordinals.other_weekday),
    _certain(rf"{_LAST_BEFORE}(?P<weekday>{_WEEKDAY})(?:en|on|an|n)?", ordinals.other_weekday),
    _past(
        rf"{_ARTICLE}(?:{_WEEKDAY},? )?{_ARTICLE}(?:{_DAY_FIRST}|{_MONTH_FIRST}){_OF_YEAR}",
        ordinals.other_date,
    ),
    _past(rf"(?:le|el|am) (?P<weekday>{_WEEKDAY})", ordinals.other_weekday),
)
