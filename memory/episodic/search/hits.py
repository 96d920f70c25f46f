"""Ranked hits of a search, each an episode with its evidence."""

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from memory.database import Database
from memory.episodic.index.vector_state import VectorState
from memory.episodic.log.episode_log import COLUMNS, seqs_of, to_episode
from memory.episodic.search.lookup import Lookup, Scores
from memory.episodic.search.scores import Against, Weighed, exact, hold, weigh
from memory.episodic.vectors.noise_floor import NullTurns
from memory.episodic.vectors.vector_backend import Vector
from memory.models import SUPERSEDED, Episode, Evidence, QueryFacts, Seen
from memory.recall.fusion_weights import BALANCED, FusionWeights
from memory.recall.mechanisms import Retriever
from memory.recall.staged import called_for
from memory.results import Hit, SearchResult
from memory.text.marks import is_unanswered

LEXICAL = 60  # episodes in the pool for their words


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A search request."""

    text: str
    owner: str
    limit: int
    by: Sequence[Retriever] = ()
    weights: FusionWeights = BALANCED
    until: float = float("inf")
    """Deadline by `time.monotonic`."""
    reuse: bool = False
    """Allow cached results of the vector search."""

    @property
    def seconds(self) -> float:
        """Remaining time."""
        return self.until - time.monotonic()


@dataclass(slots=True)
class Dense:
    """Result of the vector search; the defaults apply when the query has no comparable vector."""

    against: Against | None = None
    nulls: NDArray[np.float32] | None = None
    """The mean vector of the null turns."""
    model: str = ""
    """The embedding model."""
    calls: float | None = None
    """Log-odds that a message like the query calls for memory; None if unknown."""
    small_talk: bool = False
    small_talk_bar: float = math.inf
    found: Sequence[str] = ()
    """Turn ids, closest first."""
    problems: list[str] = field(default_factory=list)


async def compare(
    vector: Vector, state: VectorState, nulls: NullTurns, model: str
) -> tuple[Dense, NDArray[np.float32]]:
    """Compare a query's vector with the archive and the null turns; also return it centred."""
    average, (likeness,) = await nulls.average(), await nulls.small_talk([list(vector)])
    archive = None if state.mean is None else state.mean.astype(np.float32)
    query = np.asarray(vector, np.float32)
    against = hold(
        *(query, archive, average),
        scale=nulls.scale,
        parts=state.parts,
        latest=state.latest,
        slot=state.slot,
    )
    dense = Dense(
        against=against,
        nulls=average,
        model=model,
        calls=called_for(model, query),
        small_talk=likeness >= nulls.bar,
        small_talk_bar=nulls.bar,
    )
    return dense, against.centred


def collect(
    db: Database, query: Query, state: VectorState, dense: Dense, lookup: Lookup
) -> tuple[SearchResult, set[str]]:
    """Score the candidates and read the best episodes.

    Returns:
        The result, and turn ids that have vectors but no episode.
    """
    known = seqs_of(db, dense.found)
    led_to = [known[turn] for turn in dense.found if known.get(turn, lookup.latest + 1) <= lookup.latest]
    pool = set(led_to).union(lookup.best(LEXICAL), *(found for _, found in lookup.found))
    weighed = weigh(db, pool, lookup, dense.against, query.weights)
    rows = _chosen(weighed, lookup, query.limit)
    episodes = _read(db, query.owner, [int(weighed.seqs[row]) for row in rows])
    evidence = _evidence(weighed, rows, dense, state.noise, lookup, episodes)
    columns = (weighed.seqs, weighed.scores, weighed.spans, weighed.small_talk)
    hits = tuple(
        Hit(
            episode=episode,
            score=round(score, 6),
            evidence=told,
            part=_span(span, episode),
            small_talk=bool(small_talk >= dense.small_talk_bar),
        )
        for (seq, score, span, small_talk), told in zip(
            zip(*(column[rows].tolist() for column in columns), strict=True), evidence, strict=True
        )
        if (episode := episodes.get(seq))
    )
    seen = Seen(
        episodes=lookup.latest,
        vectors=state.latest,
        gaps=state.gaps,
        parts=state.parts,
        led_to=led_to if dense.against else None,
    )
    result = SearchResult(
        hits=hits,
        query=_query_facts(dense, lookup),
        noise=state.noise,
        waiting=state.pending,
        problems=tuple(dense.problems),
        seen=seen,
    )
    return result, set(dense.found) - known.keys()


def _query_facts(dense: Dense, lookup: Lookup) -> QueryFacts:
    return QueryFacts(
        documents=lookup.matches.documents,
        words=len(lookup.matches.words),
        unseen=round(lookup.unseen, 6),
        small_talk=dense.small_talk,
        model=dense.model,
        calls=dense.calls,
    )


def _chosen(weighed: Weighed, lookup: Lookup, limit: int) -> list[int]:
    """Return the rows of the best episodes overall, and of the best that each mechanism found."""
    order, seqs = weighed.order(), weighed.seqs.tolist()
    chosen = set(order[:limit])
    for _, found in lookup.found:
        chosen.update([row for row in order if seqs[row] in found][:limit])
    return [row for row in order if row in chosen]


def _best(weighed: Weighed, rows: Sequence[int], episodes: Mapping[int, Episode]) -> float:
    """Return the best score among episodes that are not open questions; `rows` are sorted by score."""
    scores = (
        float(weighed.scores[row])
        for row in rows
        if (episode := episodes.get(int(weighed.seqs[row])))
        and not is_unanswered(episode.said, episode.reply)
    )
    return next(scores, 0.0)


def _evidence(
    weighed: Weighed,
    rows: Sequence[int],
    dense: Dense,
    noise: Sequence[float],
    lookup: Lookup,
    episodes: Mapping[int, Episode],
) -> list[Evidence]:
    seqs, best = weighed.seqs[rows], _best(weighed, rows, episodes)
    cosines = weighed.cosines[rows]
    columns = (
        *(seqs, weighed.scores[rows], *lookup.word_scores(seqs), cosines),
        *(_standing(cosines, dense.against, noise), _surplus(weighed, rows, dense)),
        *(weighed.near[rows], weighed.said[rows]),
    )
    return [
        Evidence(
            lexical=round(lexical, 6),
            coverage=round(coverage, 6),
            share=round(min(score / best, 1.0), 6) if best else 1.0,
            cosine=_known(cosine),
            standing=_known(standing),
            surplus=_known(surplus),
            near=_known(near),
            said=_known(said),
            **lookup.evidence(seq, episodes.get(seq)),  # type: ignore[arg-type]  # fields of `Evidence`
        )
        for seq, score, lexical, coverage, cosine, standing, surplus, near, said in zip(
            *(column.tolist() for column in columns), strict=True
        )
    ]


def _standing(cosines: Scores, against: Against | None, noise: Sequence[float]) -> Scores:
    if not noise or against is None:
        return np.full(len(cosines), np.nan)
    known = np.asarray(noise)
    return np.asarray((cosines - known.mean()) / (known.std() + against.scale / 4))


def _surplus(weighed: Weighed, rows: Sequence[int], dense: Dense) -> Scores:
    if dense.nulls is None or dense.against is None:
        return np.full(len(rows), np.nan)
    likeness = exact(weighed.vectors[rows], dense.nulls)
    return np.asarray((weighed.cosines[rows] - likeness) / dense.against.scale)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)


def _span(span: Sequence[int], episode: Episode) -> tuple[int, int]:
    (start, end), length = span, len(episode.text)
    return min(start, length), min(end, length)


def _read(db: Database, owner: str, seqs: Sequence[int]) -> dict[int, Episode]:
    """Read episodes by sequence number, without superseded ones."""
    sql = f"SELECT seq, {COLUMNS} FROM episodes WHERE seq IN (SELECT CAST(value AS BIGINT) FROM json_each(?))"  # noqa: S608
    found = {row[0]: to_episode(owner, row[1:]) for row in db.execute(sql, (json.dumps(list(seqs)),))}
    return {seq: episode for seq, episode in found.items() if SUPERSEDED not in episode.tags}
