"""The part of a search that needs no vectors: words, and mechanisms such as keys and times."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory.database import Database
from memory.episodic.log.episode_log import latest_seq
from memory.episodic.vectors.kept_vectors import LATEST
from memory.lexical.analysis import query_terms
from memory.lexical.lexical_index import Matches, Word, count_documents, find
from memory.models import Episode
from memory.recall.mechanisms import Retriever

Seqs = NDArray[np.int64]
Scores = NDArray[np.float64]
QUERY_WORDS = 64  # distinct words of a query that are used


@dataclass(frozen=True, slots=True)
class Lookup:
    """Episodes found by words, keys and times."""

    matches: Matches
    seqs: Seqs
    """Episodes that contain a word of the query, ascending."""
    scores: Scores
    """BM25 score of each of `seqs`."""
    covered: Scores
    """The share of the query's words that each of `seqs` holds, weighted by rarity."""
    found: Sequence[tuple[Retriever, Mapping[int, int]]] = ()
    """What each mechanism found."""
    latest: int = LATEST
    """Sequence number of the latest episode."""

    def best(self, limit: int) -> list[int]:
        """Return the episodes with the highest scores, best first."""
        if len(self.seqs) <= limit:
            order = np.argsort(-self.scores, kind="stable")
        else:
            some = np.argpartition(-self.scores, limit)[:limit]
            order = some[np.argsort(-self.scores[some], kind="stable")]
        return [int(seq) for seq in self.seqs[order]]

    def word_scores(self, seqs: Seqs) -> tuple[Scores, Scores]:
        """Return `scores` and `covered` of each episode; 0 for one that holds no word of the query."""
        if not len(self.seqs):
            return np.zeros(len(seqs)), np.zeros(len(seqs))
        places = np.minimum(np.searchsorted(self.seqs, seqs), len(self.seqs) - 1)
        held = self.seqs[places] == seqs
        return np.where(held, self.scores[places], 0.0), np.where(held, self.covered[places], 0.0)

    def evidence(self, seq: int, episode: Episode | None) -> dict[str, int]:
        """Return the mechanisms' evidence for an episode, by field of `Evidence`."""
        if episode is None:
            return {}
        return {one.field: one.evidence(found.get(seq, 0), episode) for one, found in self.found}

    @property
    def unseen(self) -> float:
        """Share of the query's words that no episode contains, weighted by rarity."""
        told = self.matches.words
        total = sum(word.idf for word in told)
        missing = sum(word.idf for word in told if not word.common and not len(word.seqs))
        return missing / total if total else 0.0


def look_up(db: Database, query: str, by: Sequence[Retriever] = ()) -> Lookup:
    """Search an owner's file for the query's words and by its mechanisms."""
    matches = find(db, query_terms(query)[:QUERY_WORDS], count_documents(db))
    return Lookup(matches, *summed(matches.words), [(one, one.find(db)) for one in by], latest_seq(db))


def summed(words: Sequence[Word]) -> tuple[Seqs, Scores, Scores]:
    """Return the episodes that hold a word, ascending, their BM25 scores and their share of the words."""
    found = [word for word in words if len(word.seqs)]
    if not found:
        return np.empty(0, np.int64), np.empty(0), np.empty(0)
    seqs, places = np.unique(np.concatenate([word.seqs for word in found]), return_inverse=True)
    weights = np.concatenate([word.idf * word.saturations for word in found])
    rarities = np.repeat([word.idf for word in found], [len(word.seqs) for word in found])
    scores, held = (np.bincount(places, each, minlength=len(seqs)) for each in (weights, rarities))
    total = sum(word.idf for word in words if not word.common)
    return seqs.astype(np.int64), np.asarray(scores), np.asarray(held / total if total else held)
