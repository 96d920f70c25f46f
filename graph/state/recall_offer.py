"""Conversion of search results to the turn's recall."""

from collections.abc import Sequence
from dataclasses import asdict, replace

from graph.settings.context import TurnContext
from graph.state.turn_state import Recall, TimeMeant
from memory.models import Candidate, Episode, Mechanism, SearchReport, SearchStatus
from memory.provenance import OWN_WORDS, Part, spans
from memory.recall.gap_rules import quantile
from memory.recall.mechanisms import Keys, Times, count_found, found_by
from memory.recall.query import ArchiveQuery
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
    """Cut an episode's texts: most is kept around the half-open `span` of `said`, a share of each other."""
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
    recall = Recall(
        candidates=tuple(to_candidate(hit, rank) for rank, hit in enumerate(result.hits, start=1)),
        query=result.query,
        noise=_quantiles(result.noise),
        reports=_reports(result, asked),
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


def _quantiles(noise: Sequence[float]) -> tuple[float, ...]:
    if not noise:
        return ()
    return tuple(round(quantile(noise, step / _NOISE_STEPS), 6) for step in range(_NOISE_STEPS + 1))


def pending_vectors_note(result: SearchResult) -> str:
    """Return a note on the turns that were searched by words only."""
    if result.waiting == 1:
        return "1 turn has no vectors yet and is searched by words only"
    return f"{result.waiting:,} turns have no vectors yet and are searched by words only"


def _reports(result: SearchResult, asked: ArchiveQuery) -> dict[str, SearchReport]:
    found = [hit.evidence for hit in result.hits]
    problem = "; ".join([*result.problems, *([pending_vectors_note(result)] if result.waiting else [])])
    reports = {
        Mechanism.THEMATIC.value: SearchReport(
            status=SearchStatus.PARTIAL if problem else SearchStatus.OK, found=len(found), problem=problem
        )
    }
    return reports | {
        one.name.value: SearchReport(status=SearchStatus.OK, found=count_found(one.name, found))
        for one in asked.by
    }
