"""Why a memory was kept or cut, in English: which rule decided, and what was held against what."""

from collections.abc import Mapping

from memory.models import Decision, DecisionRule

RULES: Mapping[str, str] = {
    DecisionRule.CALL: "the message calls for it",
    DecisionRule.NO_CALL: "the message calls for nothing that is remembered",
    DecisionRule.WEAKER: "others answer better",
    DecisionRule.FURTHER: "three others answer better",
    DecisionRule.CARRIED: "shown right before, and asked on about",
    DecisionRule.NEWER: "says anew what is out of date",
    DecisionRule.CALIBRATED: "probability",
    DecisionRule.BREAK: "the list breaks before it",
    DecisionRule.NULL: "share of null turns",
    DecisionRule.RATIO: "gap ratio",
    DecisionRule.FEW: "distance",
    DecisionRule.KEY: "holds the message's identifier",
    DecisionRule.TIME: "said in the time that is meant",
    "time_cut": "outside the time that is meant",
    DecisionRule.SMALL_TALK: "small talk",
    DecisionRule.DUPLICATE: "said again later",
    DecisionRule.FACT: "stands among the facts",
    DecisionRule.UNUSED: "shown of late and not used",
    DecisionRule.ECHO: "stands in the conversation",
    DecisionRule.BUDGET: "no room",
}
"""Each rule in words; `rule_of` names the one that decided."""
_MEASURED = {
    DecisionRule.CALL: "≥",
    DecisionRule.NO_CALL: "≥",
    DecisionRule.WEAKER: "≥",
    DecisionRule.CALIBRATED: "≥",
    DecisionRule.NULL: ">",
    DecisionRule.RATIO: "≥",
    DecisionRule.FEW: "≤",
}
"""How a kept score stands to its threshold."""
_OTHERWISE = {">": "≤", "≥": "<", "≤": ">"}


def rule_of(decision: Decision) -> str:
    """Return the name in `RULES` of what decided: a time means another thing for what it cuts."""
    return "time_cut" if decision.rule == DecisionRule.TIME and not decision.kept else decision.rule


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
