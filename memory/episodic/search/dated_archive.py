"""A copy of an archive as of a message's time, for messages that were archived later."""

import asyncio
from dataclasses import replace
from datetime import datetime
from functools import partial

import numpy as np
from numpy.typing import NDArray

from memory.database import Database, to_micros
from memory.episodic.log.episode_log import COLUMNS, PAGE, TIER, NumberedRow, latest_seq
from memory.episodic.search.hits import Query
from memory.episodic.search.past_archive import Copy, PastArchive
from memory.episodic.vectors import kept_vectors
from memory.episodic.vectors.kept_vectors import LATEST, Parts
from memory.models import Seen
from memory.results import SearchResult

_Place = tuple[int, int]
"""Time and sequence number of an episode."""


class DatedArchive(PastArchive):
    """A copy of an owner's archive in memory that grows by the times of its episodes.

    Search in ascending order of `Seen.until`, always with the same `Seen.episodes`: the last one to copy.
    """

    _after: _Place = (-(2**63), 0)

    def _new_copy(self) -> Copy:
        return _HeldCopy()

    async def latest(self) -> int:
        """Return the sequence number of the latest episode; 0 without any."""
        return await self._files.read(self._owner, TIER, latest_seq)

    async def search(self, query: Query, seen: Seen, *, same_reach: bool = True) -> SearchResult:
        """Search what was said before `seen.until`; without `seen.led_to`, compare all vectors."""
        async with self._lock:
            await self._grow(seen)
            here = replace(seen, parts=self._copy.indexed, vectors=LATEST)
        same_reach = same_reach and seen.led_to is not None
        result = await super().search(query, replace(here, led_to=seen.led_to or ()), same_reach=same_reach)
        led_to = result.seen.led_to if result.seen else None
        return replace(result, seen=replace(here, led_to=led_to))

    async def _grow(self, seen: Seen) -> None:
        if seen.until is None:
            raise ValueError("an archive by time needs a time")
        while rows := await self._rows(seen.until, seen.episodes):
            await asyncio.to_thread(self._copy.add_episodes, rows, 0)
            vectors = await self._vectors(partial(kept_vectors.rows_of, seqs=[row[0] for row in rows]))
            measure = await self._nulls.measure()
            await asyncio.to_thread(self._copy.add_vectors, vectors, 0, measure)
            self._after = rows[-1][5], rows[-1][0]

    async def _rows(self, until: datetime, latest: int) -> list[NumberedRow]:
        work = partial(_episodes, after=self._after, until=to_micros(until), latest=latest)
        return await self._files.read(self._owner, TIER, work)


class _HeldCopy(Copy):
    """A copy that takes vectors in any order, and holds them all in memory."""

    def _copied(self, parts: Parts, whole: NDArray[np.bool_]) -> None:
        if whole.any():
            self._parts.append((parts.seqs[whole], parts.vectors[whole]))

    def _hold(self) -> None:
        """Do nothing: `_copied` has loaded the vectors."""


def _episodes(db: Database, after: _Place, until: int, latest: int) -> list[NumberedRow]:
    sql = f"""
        SELECT seq, {COLUMNS} FROM episodes WHERE (at, seq) > (?, ?) AND at < ? AND seq <= ?
        ORDER BY at, seq LIMIT ?
    """  # noqa: S608
    return db.execute(sql, (*after, until, latest, PAGE)).fetchall()
