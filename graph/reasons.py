"""Why a memory was kept or cut, in English: which rule decided, and what was held against what."""

from memory.models import Decision

RULES = {
    "call": "the message calls for it",
    "no_call": "the message calls for nothing that is remembered",
    "weaker": "others answer better",
    "further": "three others answer better",
    "carried": "shown right before, and asked on about",
    "newer": "says anew what is out of date",
    "calibrated": "probability",
    "break": "the list breaks before it",
    "null": "share of null turns",
    "ratio": "gap ratio",
    "few": "distance",
    "key": "holds the message's identifier",
    "time": "said in the time that is meant",
    "time_cut": "outside the time that is meant",
    "small_talk": "small talk",
    "duplicate": "said again later",
    "fact": "stands among the facts",
    "unused": "shown of late and not used",
    "echo": "stands in the conversation",
    "budget": "no room",
}
"""What each rule says; `rule_of` tells which one decided."""
_MEASURED = {
    "call": "≥",
    "no_call": "≥",
    "weaker": "≥",
    "calibrated": "≥",
    "null": ">",
    "ratio": "≥",
    "few": "≤",
}
"""How a kept score stands to its threshold."""
_OTHERWISE = {">": "≤", "≥": "<", "≤": ">"}


def rule_of(decision: Decision) -> str:
    """Return the name in `RULES` of what decided: a time means another thing for what it cuts."""
    return "time_cut" if decision.rule == "time" and not decision.kept else decision.rule


def words_of(decision: Decision) -> str:
    """Say which rule decided, and whether it is out of date; an unknown rule is told by its name."""
    words = RULES.get(rule_of(decision), decision.rule)
    return f"{words}, superseded" if decision.kept and decision.superseded_by else words


def measure(decision: Decision) -> str:
    """Return what was held against what; empty when the rule measures nothing."""
    if decision.rule not in _MEASURED:
        return ""
    sign = _MEASURED[decision.rule] if decision.kept else _OTHERWISE[_MEASURED[decision.rule]]
    return f"{decision.score:.2f} {sign} {decision.threshold:.2f}"


def told(decision: Decision, between: str = ": ") -> str:
    """Say which rule decided, and what was held against what."""
    return between.join(part for part in (words_of(decision), measure(decision)) if part)
