"""The turn's recall: converted from search results, and resolved to the texts that its prompt holds."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields, replace

from graph.settings.context import TurnContext
from graph.state.turn_state import Allocation, Conversation, Recall, State, TimeMeant
from memory.models import (
    Candidate,
    ConversationTurn,
    Decision,
    DecisionRule,
    Episode,
    Mechanism,
    SearchReport,
    SearchStatus,
)
from memory.observation.observation import Judged
from memory.provenance import OWN_WORDS, Part, spans
from memory.recall.gap_rules import quantile
from memory.recall.mechanisms import ArchiveQuery, Keys, Times, count_found, found_by
from memory.recall.statements import is_bare_question
from memory.results import Hit, SearchResult
from memory.text.text import excerpt, shortened

CANDIDATE_CHARS = 3000
"""Limit on a candidate's message and on its reply in the state; the archive has the full text."""
_ECHO_ALLOWANCE = 2
"""Factor on the number of results, since some are already in the conversation."""
_NOISE_STEPS = 20


def search_limit(context: TurnContext) -> int:
    """Return the number of episodes that each mechanism may return."""
    return context.prefetch_results * _ECHO_ALLOWANCE


def to_candidate(hit: Hit, rank: int) -> Candidate:
    """Convert a hit, its text cut to the surroundings of the match."""
    episode, (start, end) = hit.episode, hit.part
    offset = len(episode.said) + 1
    message, parts = cut_texts(episode, (min(start, offset), min(end, offset)))
    reply = excerpt(episode.reply, (max(start - offset, 0), max(end - offset, 0)), CANDIDATE_CHARS)
    return Candidate(
        turn_id=episode.turn_id,
        thread=episode.thread,
        at=episode.at,
        message=message,
        reply=reply,
        whole=(message, parts, reply) == (episode.message, tuple(episode.parts), episode.reply),
        mechanism=found_by(hit.evidence),
        rank=rank,
        score=hit.score,
        evidence=hit.evidence,
        small_talk=hit.small_talk,
        foreign=episode.foreign,
        parts=parts,
        speaker=episode.speaker,
        edit_of=episode.edit_of,
        access_count=episode.access_count,
    )


def cut_texts(episode: Episode, span: tuple[int, int]) -> tuple[str, tuple[Part, ...]]:
    """Cut an episode's texts: keep most around the half-open `span` of `said`, and a share of the others."""
    share = CANDIDATE_CHARS // (len(episode.parts) + 1)
    held = {number: shortened(part.text, share) for number, part in enumerate(episode.parts)}
    begin = 0
    for text, number in spans(episode.message, episode.parts):
        start, end = (min(max(place - begin, 0), len(text)) for place in span)
        if number is not None:
            held[number] = excerpt(text, (start, end), CANDIDATE_CHARS if start < end else share)
        begin += len(text)
    parts = (replace(part, text=held[number]) for number, part in enumerate(episode.parts))
    return held.get(OWN_WORDS, ""), tuple(parts)


def to_recall(result: SearchResult, asked: ArchiveQuery, message: str) -> Recall:
    """Convert the result of a search for `message`."""
    steps = range(_NOISE_STEPS + 1) if result.noise else ()
    noise = tuple(round(quantile(result.noise, step / _NOISE_STEPS), 6) for step in steps)
    found = [hit.evidence for hit in result.hits]
    problem = "; ".join([*result.problems, *([pending_vectors_note(result)] if result.waiting else [])])
    status = SearchStatus.PARTIAL if problem else SearchStatus.OK
    reports = {Mechanism.THEMATIC.value: SearchReport(status=status, found=len(found), problem=problem)}
    for one in asked.by:
        reports[one.name.value] = SearchReport(status=SearchStatus.OK, found=count_found(one.name, found))
    recall = Recall(
        candidates=tuple(to_candidate(hit, rank) for rank, hit in enumerate(result.hits, start=1)),
        query=result.query,
        noise=noise,
        reports=reports,
        seen=result.seen,
    )
    return with_query(recall, asked, message)


def with_query(recall: Recall, asked: ArchiveQuery, message: str) -> Recall:
    """Set the fields that depend on the query, for a result that was cached for another message."""
    keys, times = asked.sought(Keys), asked.sought(Times)
    return replace(
        recall,
        expanded=asked.text if asked.text != message else "",
        keys=keys.keys if keys else (),
        times=TimeMeant(**asdict(times)) if times else None,
        sought={one.name.value: one.sought for one in asked.by},
    )


def pending_vectors_note(result: SearchResult) -> str:
    """Return a note on the turns that were searched by words only."""
    if result.waiting == 1:
        return "1 turn has no vectors yet and is searched by words only"
    return f"{result.waiting:,} turns have no vectors yet and are searched by words only"


def recalled_of(state: State) -> list[Candidate]:
    """Return the recalled memories in the prompt, best first; none before `budget` has run."""
    if "allocation" not in state or "recall" not in state:
        return []
    allocation = state["allocation"]
    by_id = {candidate.turn_id: candidate for candidate in state["recall"].candidates}
    return [extract_of(by_id[name], allocation.extract) for name in allocation.recalled if name in by_id]


def extract_of(candidate: Candidate, chars: int) -> Candidate:
    """Cut each text of a candidate to `chars` characters; 0 leaves it unchanged.

    A text that is already an excerpt keeps its middle, which matched; a full text keeps both ends.
    """
    texts = (candidate.message, candidate.reply, *(part.text for part in candidate.parts))
    if not chars or max(map(len, texts)) <= chars:
        return candidate
    message, reply, *others = (
        shortened(text, chars) if candidate.whole else excerpt(text, (len(text) // 2,) * 2, chars)
        for text in texts
    )
    parts = tuple(replace(part, text=text) for part, text in zip(candidate.parts, others, strict=True))
    return replace(candidate, message=message, reply=reply, parts=parts, whole=False)


def answers_of(state: State) -> list[Candidate]:
    """Return the memories that can answer the turn without a model, best first.

    Includes those that are in the conversation; excludes questions asked before.
    """
    echoes = {
        decision.turn_id for decision in state["allocation"].over_budget if decision.rule == DecisionRule.ECHO
    }
    shown = echoes.union(state["allocation"].recalled)
    by_id = {candidate.turn_id: candidate for candidate in state["recall"].candidates}
    relevant = [by_id[one.turn_id] for one in state["decisions"] if one.turn_id in shown & by_id.keys()]
    return [memory for memory in relevant if not is_bare_question(memory)]


def last_decisions(decisions: Sequence[Decision], allocation: Allocation) -> list[Decision]:
    """Return the final decision on each candidate: `budget` may overrule `gap_filter`."""
    later = {decision.turn_id: decision for decision in allocation.over_budget}
    return [later.get(decision.turn_id, decision) for decision in decisions]


def join_evidence(decisions: Iterable[Decision], recall: Recall) -> list[Judged]:
    """Join each decision with its candidate's evidence; decisions without a candidate are dropped."""
    names, by_id = [field.name for field in fields(Decision)], {c.turn_id: c for c in recall.candidates}
    return [
        Judged(
            **{name: getattr(decision, name) for name in names},
            mechanism=candidate.mechanism,
            rank=candidate.rank,
            evidence=candidate.evidence,
            small_talk=candidate.small_talk,
        )
        for decision in decisions
        if (candidate := by_id.get(decision.turn_id))
    ]


def conversation_of(state: State) -> list[ConversationTurn]:
    """Return the conversation turns in the prompt, oldest first; none before `budget` has run."""
    if "allocation" not in state:
        return []
    allocation, past = state["allocation"], state.get("conversation", Conversation())
    opening = () if past.opening is None else (past.opening,)
    by_id = {turn.turn_id: turn for turn in (*opening, *past.turns, *allocation.shortened)}
    return [by_id[turn_id] for turn_id in allocation.conversation if turn_id in by_id]
