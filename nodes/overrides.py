"""Overrides of the gap filter's rule: keys, times, speakers, echoes, follow-ups and newer memories."""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta

from graph.state.turn_state import Recall, State
from memory.lexical.analysis import query_terms
from memory.models import Candidate, Decision, DecisionRule
from memory.provenance import talkers
from memory.recall.mechanisms import is_fragment
from memory.recall.staged import MOST
from memory.recall.statements import find_outdated, find_repeated, is_contained, repeats_message, words_of
from memory.text.marks import asks, asks_for_two, in_first_person, takes_down

IDLE_LOG_ODDS = -2.0
"""Log-odds below which a fragment does not follow up on anything, as in "and how are you?"."""
COMPLEMENT_FALL = 2.0
"""Factor on the fall that the staged rule allows, for a memory that answers the other half of a message.

Of 128 pairs of plain questions, both were answered for 0.41 without it, 0.60 at 1.5, 0.74 at 2, 0.76 at 3.
"""
MAX_KEY_EPISODES = 5
"""Episodes with a key above which the key alone is too weak."""
DAY_WINDOW = timedelta(hours=48)
"""Longest time range that counts as one day, with the night after it."""
REQUESTED_RULES = (DecisionRule.KEY, DecisionRule.TIME)
"""Rules by which the message itself requests a memory."""
SURE_PROBABILITY = 0.9
"""Probability above which an unused memory is shown again."""
SPEAKER_PROBABILITY = 0.3
"""Probability from which something said in a group answers a question about its speaker.

Of 14 questions in English and Romanian about 24 messages, each answer had 0.37 or more; for 8 questions about
what nobody had said, the best had 0.22.
"""
_WORD = re.compile(r"\w+")
MIN_INCREASE = 0.05
"""Increase in probability above which an unused memory is shown again."""


def asks_about_time(candidates: Sequence[Candidate], recall: Recall, message: str) -> bool:
    """Return True when a message asks for everything said at a time.

    It names only the time, or it asks in the first person about a day of few turns: "what did I tell you
    about the move last Friday?"
    """
    if recall.times is None:
        return False
    few = sum(candidate.evidence.timed for candidate in candidates) <= MOST
    narrow = few and recall.times.end - recall.times.start <= DAY_WINDOW
    return recall.times.alone or (narrow and asks(message) and in_first_person(message))


def keep_complement(
    decisions: Sequence[Decision], candidates: Sequence[Candidate], message: str
) -> list[Decision]:
    """Keep one more memory for a message that asks for two things: "the date and the address".

    The staged rule compares each memory with the best one, which answers one half. Of those that are not much
    weaker, the best that has words of the message which no kept one has is taken for the other half.
    """
    kept = {each.turn_id for each in decisions if each.kept}
    near = [
        each
        for each in decisions
        if each.rule == DecisionRule.FURTHER
        or (each.rule == DecisionRule.WEAKER and each.score >= COMPLEMENT_FALL * each.threshold)
    ]
    if not (kept and near and asks_for_two(message)):
        return list(decisions)
    by_id = {candidate.turn_id: candidate for candidate in candidates}
    told = frozenset[str]().union(*(words_of(f"{by_id[each].said} {by_id[each].reply}") for each in kept))
    missing = {term for word in query_terms(message) if told.isdisjoint(word) for term in word}
    for each in sorted(near, key=lambda one: one.probability, reverse=True):
        said = by_id[each.turn_id].said
        if not asks(said) and not missing.isdisjoint(words_of(said)):
            added = replace(each, kept=True, rule=DecisionRule.COMPLEMENT)
            return [added if one is each else one for one in decisions]
    return list(decisions)


def apply_keys_and_times(
    decisions: Sequence[Decision], candidates: Sequence[Candidate], recall: Recall, message: str
) -> list[Decision]:
    """Keep memories with a rare key of the message; limit the others to the message's time.

    The limit applies if a memory from that time is relevant. If the message asks for a time, all memories
    from then are kept.
    """
    evidence = {candidate.turn_id: candidate.evidence for candidate in candidates}
    alone = asks_about_time(candidates, recall, message)
    found = []
    for decision in decisions:
        match = evidence[decision.turn_id]
        if 0 < match.keyed <= MAX_KEY_EPISODES:
            found.append(replace(decision, kept=True, rule=DecisionRule.KEY, probability=1.0))
        elif match.timed and alone:
            found.append(replace(decision, kept=True, rule=DecisionRule.TIME, probability=1.0))
        else:
            found.append(decision)
    if not any(decision.kept and evidence[decision.turn_id].timed for decision in found):
        return found
    kept = {decision.turn_id for decision in found if decision.kept and decision.rule != DecisionRule.KEY}
    untimed = {turn_id for turn_id in kept if not evidence[turn_id].timed}
    return _decide(found, untimed, DecisionRule.TIME, kept=False)


def keep_speaker(
    decisions: Sequence[Decision], candidates: Sequence[Candidate], message: str
) -> list[Decision]:
    """Keep what somebody said in a group if the message asks about them by name.

    The staged rule is fitted on the owner's statements and underrates a question such as "what did Dan say
    about the trip?". Keeps the best of Dan's, and up to two others at least half as probable.
    """
    words = {*_WORD.findall(message.casefold())} if asks(message) else set()
    theirs = {
        one.turn_id
        for one in candidates
        if words and not words.isdisjoint(_WORD.findall(" ".join(talkers(one.parts)).casefold()))
    }
    chances = sorted((each.probability for each in decisions if each.turn_id in theirs), reverse=True)
    least = max([*(chances[:1]), 0.0]) / 2
    least = max([least, *chances[MOST - 1 : MOST], SPEAKER_PROBABILITY])
    likely = {each.turn_id for each in decisions if not each.kept and each.probability >= least}
    return _decide(decisions, theirs & likely, DecisionRule.SPEAKER, kept=True)


def cut_small_talk(
    decisions: Sequence[Decision], candidates: Sequence[Candidate], recall: Recall
) -> list[Decision]:
    """Cut small talk, and everything if the message is small talk itself."""
    idle = {c.turn_id for c in candidates if c.small_talk or recall.query.small_talk}
    return [
        replace(decision, kept=False, rule=DecisionRule.SMALL_TALK, probability=0.0)
        if decision.kept and decision.turn_id in idle and decision.rule not in REQUESTED_RULES
        else decision
        for decision in decisions
    ]


def cut_echoes(
    decisions: Sequence[Decision], candidates: Sequence[Candidate], state: State
) -> list[Decision]:
    """Cut memories that a later one repeats, that the facts contain, or that were recently unused."""
    kept_ids = {d.turn_id for d in decisions if d.kept and d.rule not in REQUESTED_RULES}
    kept = [candidate for candidate in candidates if candidate.turn_id in kept_ids]
    said_again = {kept[place].turn_id for place in find_repeated(kept)}
    said_again |= {c.turn_id for c in kept if repeats_message(c, state["turn"].said)}
    facts = [words_of(f"{fact.key} {fact.value}") for fact in state["fact_sheet"].facts]
    said = {c.turn_id: words_of(f"{c.said} {c.reply}") for c in kept} if facts else {}
    known = {name for name, words in said.items() if any(is_contained(words, fact) for fact in facts)}
    # a question may need an unused memory after all
    before = {} if asks(state["turn"].said) else {one.turn_id: one for one in state.get("unused", ())}
    unused = {
        d.turn_id
        for d in decisions
        if d.turn_id in kept_ids & before.keys()
        and d.probability < min(before[d.turn_id].probability + MIN_INCREASE, SURE_PROBABILITY)
    }
    rules = (
        dict.fromkeys(unused, DecisionRule.UNUSED)
        | dict.fromkeys(known, DecisionRule.FACT)
        | dict.fromkeys(said_again, DecisionRule.DUPLICATE)
    )
    return [replace(d, kept=False, rule=rules[d.turn_id]) if d.turn_id in rules else d for d in decisions]


def keep_carried(decisions: Sequence[Decision], state: State) -> list[Decision]:
    """Keep the previous prompt's memories for a follow-up question ("and how much is it?").

    If the last reply noted something down, or only repeated the message, the question is about that, and none
    is kept.
    """
    message, turns = state["turn"].said, state["conversation"].turns
    noted = bool(turns) and (
        takes_down(turns[-1].reply) or is_contained(words_of(turns[-1].reply), words_of(turns[-1].said))
    )
    query = state["recall"].query
    idle = query.small_talk or (query.calls or 0.0) < IDLE_LOG_ODDS
    if noted or idle or not asks(message) or not is_fragment(message):
        return list(decisions)
    cut = {decision.turn_id for decision in decisions if not decision.kept}
    return _decide(decisions, cut.intersection(state["recall"].carried), DecisionRule.CARRIED, kept=True)


def _decide(
    decisions: Sequence[Decision], turn_ids: Collection[str], rule: DecisionRule, *, kept: bool
) -> list[Decision]:
    """Keep or cut memories by a rule."""
    return [replace(one, kept=kept, rule=rule) if one.turn_id in turn_ids else one for one in decisions]


def keep_newer(
    decisions: Sequence[Decision], candidates: Sequence[Candidate], message: str
) -> list[Decision]:
    """Mark kept memories as outdated, and keep the latest memory that supersedes them."""
    by_id = {decision.turn_id: decision for decision in decisions}
    while True:
        shown = [candidate for candidate in candidates if by_id[candidate.turn_id].kept]
        later = find_outdated(shown, candidates, message)
        added = {new: old for old, new in later.items() if not by_id[new].kept}
        if not added:
            break
        for new, old in added.items():
            chance = by_id[old].probability
            by_id[new] = replace(by_id[new], kept=True, rule=DecisionRule.NEWER, probability=chance)
    return [replace(each, superseded_by=later.get(turn_id, "")) for turn_id, each in by_id.items()]
