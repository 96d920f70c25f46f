"""Scores of candidates from exact similarities, words and neighbouring turns."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from memory.database import Database
from memory.episodic.search.lookup import Lookup, Scores, Seqs
from memory.episodic.vectors import kept_vectors
from memory.recall import fusion
from memory.recall.fusion_weights import FusionWeights

Vector = NDArray[np.float32]
Link = tuple[int, int, int]
"""A turn, another of its thread, and their distance in turns."""
OF_ARCHIVE = 0.4  # share of the archive's mean vector that is subtracted from a query
SETTLED = 5  # parts at which an archive's mean vector counts half
OF_NULLS = 0.65  # share of the null turns' mean vector that is subtracted from a query
OF_MESSAGE = 0.3  # weight of the message alone; the whole turn has the rest
SEEDS = 24  # best episodes whose neighbours are added
NEAR = 3_600_000_000  # microseconds; the longest gap between neighbouring turns


@dataclass(frozen=True, slots=True)
class Against:
    """A query's vector with the values that similarities are compared against."""

    query: NDArray[np.float32]
    """Unit length."""
    centred: NDArray[np.float32]
    """The query without the component common to texts of this archive and null turns; see `hold`."""
    mean: float
    """Mean similarity of `centred` with unrelated texts; see `hold`."""
    scale: float
    """Standard deviation of the similarities of unrelated texts under this embedding model."""
    latest: int = kept_vectors.LATEST
    """Id of the latest vector to use."""
    slot: kept_vectors.Slot = kept_vectors.Slot.FIRST
    """Where the vectors by the query's model are."""


def hold(
    query: Vector,
    archive: Vector | None,
    nulls: Vector,
    *,
    scale: float,
    parts: int,
    latest: int = kept_vectors.LATEST,
    slot: kept_vectors.Slot = kept_vectors.Slot.FIRST,
) -> Against:
    """Centre a query's vector for an archive of `parts` parts and vectors in `slot` up to the id `latest`.

    Some texts are close to every query. Their common component is subtracted from the query: a share of the
    null turns' mean vector, and a share of the archive's that grows with the number of parts. The mean
    similarity is weighted likewise: the mean of a few memories is mostly the one that is compared with it.
    """
    usual = nulls if archive is None else archive
    settled = 0.0 if archive is None else parts / (parts + SETTLED)
    centred = np.asarray(query - OF_NULLS * nulls - OF_ARCHIVE * settled * usual, np.float32)
    mean = float(settled * exact(usual, centred) + (1 - settled) * exact(nulls, centred))
    return Against(query, centred, mean, scale, latest, slot)


def exact(vectors: Vector | Scores, other: Vector) -> Scores:
    """Multiply in double precision, so that batching does not change the result.

    Without BLAS: waking its threads takes longer than these few products.
    """
    wide, other = np.asarray(vectors, np.float64), np.asarray(other, np.float64)
    return np.asarray(np.einsum("...i,i->...", wide, other))


@dataclass(frozen=True, slots=True)
class Weighed:
    """Episodes with their scores; row `i` of every array is one episode."""

    seqs: Seqs
    scores: Scores
    cosines: Scores
    """Similarity of the best part with the query; NaN without a vector."""
    spans: NDArray[np.int64]
    """Span of the best part, shape (episodes, 2); `(0, 0)` without a vector."""
    small_talk: Scores
    vectors: NDArray[np.float64]
    """Vector of the best part, shape (episodes, dimension); zeros without one."""
    near: Scores
    """Best part's similarity minus the archive's mean, in standard deviations; NaN if unknown."""
    said: Scores
    """The same for the message alone; the best part's value without such a vector."""

    def order(self) -> list[int]:
        """Return the rows, best first; the later of equals first."""
        found: list[int] = np.lexsort((-self.seqs, -self.scores)).tolist()
        return found


def weigh(
    db: Database,
    pool: Iterable[int],
    lookup: Lookup,
    against: Against | None,
    weights: FusionWeights,
) -> Weighed:
    """Score the episodes of `pool` and the neighbours of the best ones."""
    seqs = set(pool)
    own = _own(db, seqs, lookup, against, weights)
    seeds = own.seqs[own.order()[:SEEDS]].tolist()
    links, lengths = _neighbours(db, seeds, lookup.latest) if weights.neighbours else ([], {})
    fringe = {other for _, other, _ in links} - seqs
    own = _joined(own, _own(db, fringe, lookup, against, weights))
    row = {seq: place for place, seq in enumerate(own.seqs.tolist())}
    both_ways = {*links, *((other, seq, distance) for seq, other, distance in links)}
    pairs = [(row[seq], row[other], distance) for seq, other, distance in both_ways]
    sizes = np.asarray([lengths.get(seq, 0) for seq in row], np.int64)
    scores = fusion.add_neighbours(own.scores, sizes, pairs, weights.neighbours)
    for one, found in lookup.found:
        scores = np.where([seq in found for seq in row], scores * one.factor, scores)
    return replace(own, scores=scores)


def _joined(one: Weighed, other: Weighed) -> Weighed:
    pairs = ((getattr(one, name), getattr(other, name)) for name in _COLUMNS)
    return Weighed(*map(np.concatenate, pairs))


def _own(
    db: Database,
    chosen: Iterable[int],
    lookup: Lookup,
    against: Against | None,
    weights: FusionWeights,
) -> Weighed:
    seqs = np.asarray(sorted(chosen), np.int64)
    count, size = len(seqs), len(against.query) if against else 0
    cosines, similar, spans = np.full(count, np.nan), np.full(count, np.nan), np.zeros((count, 2), np.int64)
    small_talk, vectors = np.full(count, -1.0), np.zeros((count, size))
    whole, message = similar, similar
    parts = kept_vectors.NONE
    if against:
        parts = kept_vectors.read(db, seqs.tolist(), against.slot, against.latest)
    if against and len(parts.seqs) and parts.vectors.shape[1] == size:
        near = exact(parts.vectors, against.centred)
        best = _best_rows(parts.seqs, np.where(parts.numbers == kept_vectors.MESSAGE, -np.inf, near))
        places = np.searchsorted(seqs, parts.seqs[best])
        vectors[places], spans[places] = parts.vectors[best], parts.spans[best]
        small_talk[places] = parts.small_talk[best]
        cosines[places], similar[places] = exact(parts.vectors, against.query)[best], near[best]
        alone = np.flatnonzero(parts.numbers == kept_vectors.MESSAGE)
        said = np.searchsorted(seqs, parts.seqs[alone])
        whole, message = similar.copy(), similar.copy()
        message[said] = near[alone]
        similar[said] += OF_MESSAGE * (near[alone] - similar[said])
    mean, scale = (against.mean, against.scale) if against else (0.0, 1.0)
    lexical, coverage = lookup.word_scores(seqs)
    scores = fusion.own_scores(similar, lexical, coverage, mean=mean, scale=scale, weights=weights)
    above = ((likeness - mean) / scale for likeness in (whole, message))
    return Weighed(seqs, scores, cosines, spans, small_talk, vectors, *above)


def _best_rows(seqs: Seqs, similar: Scores) -> NDArray[np.intp]:
    """Return, for each sequence number, the row with the highest similarity."""
    order = np.lexsort((-similar, seqs))
    return order[np.unique(seqs[order], return_index=True)[1]]


def _neighbours(db: Database, seqs: Sequence[int], latest: int) -> tuple[list[Link], dict[int, int]]:
    """Return the links to turns near in the same thread, at most `NEAR` apart, and the lengths of both.

    Episodes after `latest` are left out.
    """
    after: list[Link] = []
    before: list[Link] = []
    lengths: dict[int, int] = {}
    (around,) = db.execute(_AROUND, (json.dumps(seqs),)).fetchone()
    for seq, at, length, later, earlier in json.loads(around or "[]"):
        lengths[seq] = length
        for links, others in ((after, later), (before, earlier)):
            since = at
            for distance, (other, other_at, other_length) in enumerate(others or (), start=1):
                if abs(other_at - since) > NEAR or other > latest:
                    break
                since, lengths[other] = other_at, other_length
                links.append((seq, other, distance))
    return after + before, lengths


_COLUMNS = [field.name for field in fields(Weighed)]
_AROUND = f"""
    SELECT CAST(json_group_array(json_array(seq, at, length(message) + length(reply), json((
        SELECT json_group_array(json_array(seq, at, length)) FROM (
            SELECT seq, at, length(message) + length(reply) AS length FROM episodes AS other
            WHERE other.thread = this.thread AND other.seq > this.seq
            ORDER BY other.seq LIMIT {fusion.SPAN}
        ) AS later
    )), json((
        SELECT json_group_array(json_array(seq, at, length)) FROM (
            SELECT seq, at, length(message) + length(reply) AS length FROM episodes AS other
            WHERE other.thread = this.thread AND other.seq < this.seq
            ORDER BY other.seq DESC LIMIT {fusion.SPAN}
        ) AS earlier
    )))) AS TEXT) FROM episodes AS this WHERE seq IN (SELECT CAST(value AS BIGINT) FROM json_each(?))
"""  # noqa: S608
"""One statement and one row for all: a further one would take as long as reading its data."""
