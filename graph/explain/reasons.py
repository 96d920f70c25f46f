"""Reasons in English for keeping or cutting a memory: the rule, the score and its threshold."""

from collections.abc import Mapping

from memory.models import Decision, DecisionRule

RULES: Mapping[str, str] = {
    DecisionRule.CALL: "the message calls for it",
    DecisionRule.NO_CALL: "the message calls for no memory",
    DecisionRule.WEAKER: "others answer better",
    DecisionRule.FURTHER: "three others answer better",
    DecisionRule.CARRIED: "shown in the last turn and asked about again",
    DecisionRule.NEWER: "replaces an outdated memory",
    DecisionRule.CALIBRATED: "probability",
    DecisionRule.BREAK: "the list breaks before it",
    DecisionRule.NULL: "share of null turns",
    DecisionRule.RATIO: "gap ratio",
    DecisionRule.FEW: "distance",
    DecisionRule.KEY: "has the message's identifier",
    DecisionRule.TIME: "said in the time the message names",
    "time_cut": "outside the time the message names",
    DecisionRule.SMALL_TALK: "small talk",
    DecisionRule.DUPLICATE: "said again later",
    DecisionRule.FACT: "already among the facts",
    DecisionRule.UNUSED: "shown lately and not used",
    DecisionRule.ECHO: "already in the conversation",
    DecisionRule.BUDGET: "no room",
}
"""Words for each rule, by the name that `rule_of` returns."""
_MEASURED = {
    DecisionRule.CALL: "≥",
    DecisionRule.NO_CALL: "≥",
    DecisionRule.WEAKER: "≥",
    DecisionRule.CALIBRATED: "≥",
    DecisionRule.NULL: ">",
    DecisionRule.RATIO: "≥",
    DecisionRule.FEW: "≤",
}
"""How a kept score compares with its threshold."""
_OTHERWISE = {">": "≤", "≥": "<", "≤": ">"}


def rule_of(decision: Decision) -> str:
    """Return the deciding rule's key in `RULES`; the time rule has another one for cut memories."""
    return "time_cut" if decision.rule == DecisionRule.TIME and not decision.kept else decision.rule


def rule_words(decision: Decision) -> str:
    """Return the rule in words, noting a superseded memory; an unknown rule by its name."""
    words = RULES.get(rule_of(decision), decision.rule)
    return f"{words}, superseded" if decision.kept and decision.superseded_by else words


def measure(decision: Decision) -> str:
    """Compare score and threshold, as in "0.91 ≥ 0.50"; empty when the rule has no score."""
    if decision.rule not in _MEASURED:
        return ""
    sign = _MEASURED[decision.rule] if decision.kept else _OTHERWISE[_MEASURED[decision.rule]]
    return f"{decision.score:.2f} {sign} {decision.threshold:.2f}"


def explain_decision(decision: Decision, between: str = ": ") -> str:
    """Return the rule in words with its score and threshold."""
    return between.join(part for part in (rule_words(decision), measure(decision)) if part)
