"""A read-only replay of earlier searches on the archive as they saw it."""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from memory.database import Database, OwnerTables
from memory.embedding.embedding_model import EmbeddingModel
from memory.episodic.index.ledger import Measure
from memory.episodic.index.vector_state import Maxima, VectorState, added_up, read_model_state
from memory.episodic.log.episode_log import COLUMNS, PAGE, TIER, NumberedRow, read_page
from memory.episodic.search.hits import Dense, Query, collect, compare
from memory.episodic.search.lookup import look_up
from memory.episodic.search.scores import exact
from memory.episodic.search.searcher import MOST_PARTS, PARTS
from memory.episodic.vectors import kept_vectors
from memory.episodic.vectors.kept_vectors import MESSAGE, Parts, Row, Slot
from memory.episodic.vectors.noise_floor import NullTurns
from memory.lexical.lexical_index import add_documents, derive
from memory.models import Seen
from memory.owners.owner_schema import migrate
from memory.provenance import load, said
from memory.results import SearchResult


class PastArchive:
    """A copy of an owner's archive in memory that grows to the size each search saw.

    Replay searches in ascending order of `Seen.episodes`. Access counts come from `count`.
    """

    def __init__(
        self, files: OwnerTables, embeddings: EmbeddingModel, nulls: NullTurns, *, owner: str
    ) -> None:
        self._files = files
        self._embeddings = embeddings
        self._nulls = nulls
        self._owner = owner
        self._copy = self._new_copy()
        self._lock = asyncio.Lock()

    def _new_copy(self) -> "Copy":
        return Copy()

    async def search(self, query: Query, seen: Seen, *, same_reach: bool = True) -> SearchResult:
        """Replay a search on the archive as it was then, without a deadline.

        Args:
            query: the search.
            seen: size of the archive at that time.
            same_reach: use the episodes that the vectors found then (`Seen.led_to`). Otherwise compare all
                vectors, for example for a search with a higher limit.

        Raises:
            ValueError: the copy has already grown past `seen`.
        """
        async with self._lock:
            await self._grow(seen)
            state = self._copy.state(seen)
            dense = await self._dense(query, seen, state, same_reach=same_reach)
            return await asyncio.to_thread(self._copy.search, query, state, dense)

    async def grow(self, seen: Seen) -> None:
        """Copy the archive up to `seen` without searching."""
        async with self._lock:
            await self._grow(seen)

    def count(self, shown: Mapping[str, Sequence[str]]) -> None:
        """Count an access to recalled episodes when the turn that recalled them is copied.

        Args:
            shown: recalled turn ids, by the id of the turn that recalled them.
        """
        self._copy.shown = shown

    async def close(self) -> None:
        async with self._lock:
            await asyncio.to_thread(self._copy.close)

    async def _dense(self, query: Query, seen: Seen, state: VectorState, *, same_reach: bool) -> Dense:
        if seen.led_to is None:
            return Dense()
        vector = await self._embeddings.aembed_query(query.text)
        dense, centred = await compare(vector, state, self._nulls, self._embeddings.name)
        if same_reach:
            led_to = list(seen.led_to)
        else:
            led_to = await asyncio.to_thread(self._copy.closest, centred, query.limit)
        dense.found = await asyncio.to_thread(self._copy.turns, led_to)
        return dense

    async def _grow(self, seen: Seen) -> None:
        if seen.episodes < self._copy.episodes:
            raise ValueError("searches are done again in the order in which they were done")
        if seen.vectors < self._copy.vectors:  # the vectors had been dropped for a rebuild
            await asyncio.to_thread(self._copy.drop_vectors)
        while self._copy.episodes < seen.episodes:
            work = partial(read_page, after=self._copy.episodes, until=seen.episodes)
            episodes = await self._files.read(self._owner, TIER, work)
            await asyncio.to_thread(self._copy.add_episodes, episodes, seen.episodes)
        measure = await self._nulls.measure()
        while self._copy.vectors < seen.vectors:
            reading = partial(kept_vectors.rows_after, after=self._copy.vectors, until=seen.vectors)
            rows = await self._vectors(reading)
            await asyncio.to_thread(self._copy.add_vectors, rows, seen.vectors, measure)

    async def _vectors(self, read: Callable[..., list[Row]]) -> list[Row]:
        """Read rows from the slot with this model's vectors; none if there are only another model's."""
        model = self._embeddings.name

        def work(db: Database) -> list[Row]:
            state = read_model_state(db, model)
            return read(db, slot=state.slot) if state.model == model else []

        return await self._files.read(self._owner, TIER, work)


class Copy:
    """The in-memory copy of `PastArchive`; every call blocks."""

    def __init__(self) -> None:
        self.episodes = 0
        self.vectors = -1
        self._maxima: Maxima | None = None
        self._total: NDArray[np.float64] | None = None
        self.shown: Mapping[str, Sequence[str]] = {}
        self._parts: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
        """Parts of whole turns with ids up to `_held`, loaded by `closest`."""
        self._held = -1
        self.indexed = 0
        """Number of copied parts of whole turns."""

    @cached_property
    def _db(self) -> sqlite3.Connection:
        """Open on first use, because creating the tables is slow."""
        db = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        migrate(db)
        return db

    def state(self, seen: Seen) -> VectorState:
        """Return the state of the copied vectors."""
        return VectorState(parts=seen.parts, maxima=self._maxima, latest=seen.vectors, total=self._total)

    def add_episodes(self, rows: Sequence[NumberedRow], until: int) -> None:
        """Add a page of episodes; a short page means that there are no more up to `until`."""
        insert = f"INSERT INTO episodes (seq, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)"  # noqa: S608
        self._db.execute("BEGIN")
        for row in rows:
            self._db.execute(insert, row[:8])
            derive(self._db, row[0], said(row[3], load(row[7])[2]), row[4])
            self._touch(self.shown.get(row[1], ()))
        add_documents(self._db, len(rows))
        self._db.execute("COMMIT")
        self.episodes = rows[-1][0] if len(rows) == PAGE else until

    def add_vectors(self, rows: Sequence[Row], until: int, measure: Measure) -> None:
        """Add a page of vectors; a short page means that there are no more up to `until`."""
        if rows:
            parts = kept_vectors.copy(self._db, rows)
            whole = parts.numbers != MESSAGE
            if whole.any():
                self._total = added_up(self._total, parts.vectors[whole])
            self.indexed += int(whole.sum())
            self._copied(parts, whole)
            reached = measure([parts])
            self._maxima = reached if self._maxima is None else np.maximum(self._maxima, reached)
        self.vectors = rows[-1][0] if len(rows) == kept_vectors.PAGE else until

    def _copied(self, parts: Parts, whole: NDArray[np.bool_]) -> None:
        """Do nothing: `_hold` reads what `closest` needs."""

    def drop_vectors(self) -> None:
        kept_vectors.clear(self._db, Slot.FIRST)
        self.vectors, self._maxima, self._total = -1, None, None
        self._parts, self._held, self.indexed = [], -1, 0

    def closest(self, centred: NDArray[np.float32], limit: int) -> list[int]:
        """Return the sequence numbers of at least `limit` episodes by their closest parts, closest first."""
        self._hold()
        if not self._parts:
            return []
        seqs, vectors = (np.concatenate(column) for column in zip(*self._parts, strict=True))
        self._parts = [(seqs, vectors)]
        order = np.argsort(-exact(vectors, centred), kind="stable")
        wanted = max(PARTS, limit * 2)
        while len(set(seqs[order[:wanted]].tolist())) < limit and wanted < min(len(order), MOST_PARTS):
            wanted *= 4
        return list(dict.fromkeys(seqs[order[:wanted]].tolist()))

    def turns(self, seqs: Sequence[int]) -> list[str]:
        """Return turn ids in the order of `seqs`."""
        sql = (
            "SELECT seq, turn_id FROM episodes WHERE seq IN (SELECT CAST(value AS BIGINT) FROM json_each(?))"
        )
        known = dict(self._db.execute(sql, (json.dumps(list(seqs)),)).fetchall())
        return [known[seq] for seq in seqs if seq in known]

    def search(self, query: Query, state: VectorState, dense: Dense) -> SearchResult:
        """Search by words and other mechanisms, and rank the result."""
        lookup = look_up(self._db, query.text, query.by)
        return collect(self._db, query, state, dense, lookup)[0]

    def _touch(self, turn_ids: Sequence[str]) -> None:
        sql = "UPDATE episodes SET access_count = access_count + 1 WHERE turn_id = ?"
        self._db.executemany(sql, [(turn_id,) for turn_id in turn_ids])

    def close(self) -> None:
        self._db.close()

    def _hold(self) -> None:
        """Load the vectors added since the last call."""
        for parts in kept_vectors.pages(self._db, Slot.FIRST, self._held):
            whole = parts.numbers != MESSAGE
            self._parts.append((parts.seqs[whole], parts.vectors[whole]))
        self._held = self.vectors
