"""Dates in figures, which are the same in any language."""

from memory.temporal import group_readers as reads
from memory.temporal import points
from memory.temporal.time_rule import Needs, rule
from memory.temporal.time_words import Language

RULES = (
    rule(
        rf"(?:(?:on|from|of|de pe|pe|din) )?(?P<date>{points.FIGURES})",
        reads.figures,
        needs=Needs.NO_OTHER_TENSE,
        language=Language.ANY,
    ),
)
