"""Dates in figures, which are the same in any language."""

from memory.temporal import points, reads
from memory.temporal.rule import Needs, rule
from memory.temporal.words import Language

RULES = (
    rule(
        rf"(?:(?:on|from|of|de pe|pe|din) )?(?P<date>{points.FIGURES})",
        reads.figures,
        needs=Needs.NO_OTHER_TENSE,
        language=Language.ANY,
    ),
)
