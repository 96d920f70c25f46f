"""What vectors, words and neighbouring turns make of the episodes of a real file."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from memory.database import Database
from memory.episodic.log.episode_log import TIER, EpisodeLog
from memory.episodic.search.lookup import Lookup
from memory.episodic.search.scores import Against, Weighed, hold, weigh
from memory.episodic.vectors import kept_vectors
from memory.episodic.vectors.kept_vectors import KeptPart, Slot
from memory.lexical.lexical_index import Matches
from memory.models import Episode
from memory.owners.owner_files import OwnerFiles
from memory.recall.fusion_weights import BALANCED, FusionWeights
from tests.tables import each

START = datetime(2025, 3, 1, 12, tzinfo=UTC)
MINUTE, HOUR, MICROSECOND = timedelta(minutes=1), timedelta(hours=1), timedelta(microseconds=1)
OWN = 5.2
"""The score of an episode with a BM25 of 8 that covers the query."""
NEXT, SECOND = 1.3, 0.52
"""What such a one lends the next turn and the one after."""
ALONG = np.array([1, 0], np.float32)

Weigh = Callable[..., Awaitable[Weighed]]


class TestHold:
    QUERY, ARCHIVE, NULLS = (np.array(v, np.float32) for v in ([1, 0], [0.5, 0.5], [0.2, 0.4]))

    @each(
        ("parts", "centred", "mean"),
        [
            (0, [0.87, -0.26], 0.07),
            (5, [0.77, -0.36], 0.1075),
            (15, [0.72, -0.41], 0.11125),
            (45, [0.69, -0.44], 0.1087),
        ],
    )
    def test_table(self, parts: int, centred: list[float], mean: float) -> None:
        held = hold(self.QUERY, self.ARCHIVE, self.NULLS, scale=0.07, parts=parts)
        assert held.centred.tolist() == pytest.approx(centred, abs=1e-6)
        assert held.mean == pytest.approx(mean, abs=1e-6)
        assert held.query.tolist() == [1, 0]
        assert held.scale == 0.07
        assert held.centred.dtype == np.float32

    def test_without_an_archive_null_turns_alone_are_taken_off(self) -> None:
        held = hold(self.QUERY, None, self.NULLS, scale=0.07, parts=100)
        assert held.centred.tolist() == pytest.approx([0.87, -0.26], abs=1e-6)
        assert held.mean == pytest.approx(0.07, abs=1e-6)

    def test_a_single_memory_is_not_compared_with_itself(self) -> None:
        held = hold(self.QUERY, self.QUERY, self.NULLS, scale=0.07, parts=1)
        assert float(self.QUERY @ held.centred) > held.mean + 0.5


def said(number: int, thread: str = "t", *, at: datetime | None = None, reply: str = "") -> Episode:
    """Make the turn that gets `number` for its sequence number, a minute after the one before."""
    when = START + number * MINUTE if at is None else at
    return Episode(turn_id=str(number), owner="ana", thread=thread, message="m", reply=reply, at=when)


def words_say(bm25: Mapping[int, float], coverage: float = 1.0) -> Lookup:
    """Make what a search by words found: BM25 by sequence number, each holding such a share of the query."""
    seqs = np.asarray(sorted(bm25), np.int64)
    scores = np.asarray([bm25[int(seq)] for seq in seqs], np.float64)
    return Lookup(Matches(100), seqs, scores, np.full(len(seqs), coverage))


def by_seq(weighed: Weighed) -> dict[int, float]:
    assert len(set(weighed.seqs.tolist())) == len(weighed.seqs)
    return dict(zip(weighed.seqs.tolist(), weighed.scores.tolist(), strict=True))


@pytest.fixture
async def files(tmp_path: Path) -> AsyncIterator[OwnerFiles]:
    opened = OwnerFiles(tmp_path / "owners", busy_timeout=0.5)
    yield opened
    await opened.close()


@pytest.fixture
def weighed(files: OwnerFiles) -> Weigh:
    """Write episodes with their parts, and weigh those of `pool`."""

    async def work(
        told: Sequence[Episode],
        lookup: Lookup,
        *,
        parts: Mapping[int, Sequence[KeptPart]] | None = None,
        against: Against | None = None,
        pool: Sequence[int] | None = None,
        weights: FusionWeights = BALANCED,
    ) -> Weighed:
        await EpisodeLog(files).append_many(told)
        for seq, some in (parts or {}).items():
            await files.write("ana", TIER, partial(kept_vectors.keep, seq=seq, parts=some, slot=Slot.FIRST))
        chosen = lookup.seqs.tolist() if pool is None else pool

        def asked(db: Database) -> Weighed:
            return weigh(db, chosen, lookup, against, weights)

        return await files.read("ana", TIER, asked)

    return work


class TestNeighbours:
    async def test_two_turns_on_either_side_get_their_share(self, weighed: Weigh) -> None:
        found = by_seq(await weighed([said(n) for n in range(1, 8)], words_say({4: 8.0})))
        assert found == pytest.approx({2: SECOND, 3: NEXT, 4: OWN, 5: NEXT, 6: SECOND})

    async def test_those_of_the_pool_lend_each_other_once(self, weighed: Weigh) -> None:
        found = by_seq(await weighed([said(n) for n in range(1, 4)], words_say({1: 8.0, 2: 4.0})))
        assert found == pytest.approx({1: OWN + NEXT / 2, 2: OWN / 2 + NEXT, 3: SECOND + NEXT / 2})

    async def test_another_thread_is_no_neighbour_and_does_not_stand_between(self, weighed: Weigh) -> None:
        told = [said(1, "a"), said(2, "b"), said(3, "a"), said(4, "b"), said(5, "a"), said(6, "b")]
        assert by_seq(await weighed(told, words_say({5: 8.0}))) == pytest.approx({1: SECOND, 3: NEXT, 5: OWN})

    @pytest.mark.parametrize(("gap", "near"), [(HOUR, True), (HOUR + MICROSECOND, False)])
    async def test_an_hour_parts_neighbours(self, weighed: Weigh, gap: timedelta, near: bool) -> None:
        told = [said(n, at=START + n * gap) for n in range(1, 4)]
        after, before = by_seq(await weighed(told, words_say({1: 8.0}))), {1: OWN}
        assert after == pytest.approx({1: OWN, 2: NEXT, 3: SECOND} if near else before)

    @pytest.mark.parametrize(("gap", "near"), [(HOUR, True), (HOUR + MICROSECOND, False)])
    async def test_an_hour_parts_what_came_before(self, weighed: Weigh, gap: timedelta, near: bool) -> None:
        told = [said(n, at=START + n * gap) for n in range(1, 4)]
        found = by_seq(await weighed(told, words_say({3: 8.0})))
        assert found == pytest.approx({3: OWN, 2: NEXT, 1: SECOND} if near else {3: OWN})

    async def test_a_long_turn_leans_by_message_and_reply(self, weighed: Weigh) -> None:
        told = [said(1), said(2, reply="r" * 799), said(3, reply="r" * 399)]
        found = by_seq(await weighed(told, words_say({1: 8.0})))
        assert found == pytest.approx({1: OWN, 2: NEXT / 4, 3: SECOND})

    async def test_the_neighbours_of_the_best_are_looked_at(self, weighed: Weigh) -> None:
        told = [said(n, f"thread {(n - 1) // 2}") for n in range(1, 61)]
        lookup = words_say({2 * n - 1: 100.0 - n for n in range(1, 31)})
        found = by_seq(await weighed(told, lookup))
        assert {seq for seq in found if seq % 2 == 0} == {2 * n for n in range(1, 25)}

    async def test_words_count_by_what_they_cover(self, weighed: Weigh) -> None:
        found = await weighed([said(1)], words_say({1: 8.0}, coverage=0.25))
        assert by_seq(found) == pytest.approx({1: OWN / 4})


class TestVectors:
    AGAINST = Against(np.array([0, 1], np.float32), ALONG, 0.25, 0.125)
    WHOLE = KeptPart(1, 0, 5, 0.5, (0.5, 0.25))
    LESS = KeptPart(2, 4, 9, 0.75, (0.375, 1.0))

    async def of(self, weighed: Weigh, *parts: KeptPart) -> Weighed:
        return await weighed([said(1)], words_say({}), parts={1: parts}, against=self.AGAINST, pool=[1])

    async def test_the_best_part_speaks_for_its_episode(self, weighed: Weigh) -> None:
        found = await self.of(weighed, self.LESS, self.WHOLE)
        assert found.scores.tolist() == pytest.approx([2.0])
        assert found.cosines.tolist() == [0.25]
        assert found.spans.tolist() == [[0, 5]]
        assert found.small_talk.tolist() == [0.5]
        assert found.vectors.tolist() == [[0.5, 0.25]]

    @pytest.mark.parametrize(("near", "expected"), [(1.0, 3.2), (0.5, 2.0), (0.25, 1.4), (-1.0, 0.0)])
    async def test_the_message_by_itself_counts_for_a_part(
        self, weighed: Weigh, near: float, expected: float
    ) -> None:
        message = KeptPart(kept_vectors.MESSAGE, 0, 1, 0.0, (near, 0.0))
        found = await self.of(weighed, message, self.WHOLE, self.LESS)
        assert found.scores.tolist() == pytest.approx([expected])
        assert found.cosines.tolist() == [0.25]
        assert found.spans.tolist() == [[0, 5]]

    async def test_without_vectors_words_speak_alone(self, weighed: Weigh) -> None:
        found = await weighed([said(1)], words_say({1: 8.0}), against=self.AGAINST)
        assert found.scores.tolist() == pytest.approx([OWN])
        assert np.isnan(found.cosines).all()
        assert (found.spans.tolist(), found.small_talk.tolist()) == ([[0, 0]], [-1.0])
        assert found.vectors.tolist() == [[0.0, 0.0]]

    async def test_vectors_of_another_length_say_nothing(self, weighed: Weigh) -> None:
        found = await self.of(weighed, KeptPart(1, 0, 5, 0.0, (1.0, 0.0, 0.0)))
        assert found.scores.tolist() == [0.0]
        assert np.isnan(found.cosines).all()

    async def test_each_episode_has_its_own_parts(self, weighed: Weigh) -> None:
        told = [said(n, f"thread {n}") for n in (1, 2, 3)]
        message = KeptPart(kept_vectors.MESSAGE, 0, 1, 0.0, (1.0, 0.0))
        parts = {1: [self.WHOLE], 3: [message, self.LESS]}
        found = await weighed(told, words_say({2: 8.0}), parts=parts, against=self.AGAINST, pool=[3, 1, 2])
        assert by_seq(found) == pytest.approx({1: 2.0, 2: OWN, 3: 2.5})
        assert found.order() == [1, 2, 0]

    async def test_of_equals_the_latest_stands_first(self, weighed: Weigh) -> None:
        told = [said(n, f"thread {n}") for n in (1, 2, 3)]
        found = await weighed(told, words_say({1: 8.0, 2: 9.0, 3: 8.0}))
        assert found.seqs[found.order()].tolist() == [2, 3, 1]
