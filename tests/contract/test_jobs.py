"""The registry of jobs, and word of them, on every Redis that the agent may be given."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from graph.delegation.job import Job, Milestone, Status
from graph.delegation.jobs import MOST_KEPT, Jobs, ref_of
from graph.delegation.notices import ENDED, Address, Notices
from graph.delegation.state import Budget, Spent
from memory.errors import TierUnavailable
from tests.contract.redis_servers import connected

AT = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
BOX = "terminal:ana"


@dataclass(frozen=True, slots=True)
class Registry:
    jobs: Jobs
    notices: Notices


@contextlib.asynccontextmanager
async def registry_at(url: str) -> AsyncIterator[Registry]:
    async with connected(url) as connection:
        yield Registry(Jobs(connection.client), Notices(connection.client))


@pytest.fixture
async def registry(redis_url: str) -> AsyncIterator[Registry]:
    async with registry_at(redis_url) as opened:
        yield opened


@pytest.fixture
async def on_valkey(valkey_url: str) -> AsyncIterator[Registry]:
    async with registry_at(valkey_url) as opened:
        yield opened


def job(job_id: str = "a1", owner: str = "ana", thread: str = "th") -> Job:
    budget = Budget(calls=24, tools=48, seconds=900)
    return Job(job_id=job_id, owner=owner, thread=thread, task="🐐 oats", at=AT, budget=budget, tags=("x",))


async def test_a_job_from_its_start_to_its_end(registry: Registry) -> None:
    jobs, given = registry.jobs, job()
    ref = ref_of(given)
    assert await jobs.start(given, most_open=3) is True
    assert await jobs.start(given, most_open=3) is False
    assert await jobs.get("a1", owner="ana") == given
    assert await jobs.open() == [ref]
    assert [await jobs.begin(ref), await jobs.begin(ref)] == [1, 2]
    assert await jobs.beat(ref, 1.25)
    assert await jobs.beat(ref, 0.5)
    await jobs.set_spent(ref, Spent(calls=3, tools=2))
    assert await jobs.add_progress(ref, Milestone(name="step:1", code="step", about="ț"))
    assert not await jobs.add_progress(ref, Milestone(name="step:1", code="step", about="ț"))
    assert await jobs.count_failure(ref) == 1
    running_now = await jobs.get("a1", owner="ana")
    assert running_now is not None
    assert (running_now.status, running_now.seconds, running_now.calls) == (Status.RUNNING, 1.75, 3)
    assert [one.about for one in running_now.progress] == ["ț"]
    assert await jobs.end(ref, Status.DONE, result="3 lei")
    assert not await jobs.end(ref, Status.STOPPED)
    assert not await jobs.beat(ref, 1.0)
    assert await jobs.begin(ref) == 0
    done = await jobs.get("a1", owner="ana")
    assert done is not None
    assert (done.status, done.result, done.seconds) == (Status.DONE, "3 lei", 1.75)
    assert await jobs.open() == [ref]
    await jobs.unlist(ref)
    assert await jobs.open() == []


async def test_a_beginning_is_taken_back_while_the_job_is_open(registry: Registry) -> None:
    jobs, ref = registry.jobs, ref_of(job())
    await jobs.start(job(), most_open=3)
    for _ in range(3):
        assert await jobs.begin(ref) == 1
        await jobs.undo_begin(ref)
    await jobs.end(ref, Status.DONE)
    await jobs.undo_begin(ref)
    assert await (await jobs.client()).hget(ref.key(), "begun") == b"0"
    await jobs.undo_begin(ref_of(job("gone")))
    assert await jobs.get("gone", owner="ana") is None


async def test_owners_have_their_own_jobs_and_only_so_many_open(registry: Registry) -> None:
    jobs = registry.jobs
    for number in range(2):
        assert await jobs.start(job(f"a{number}"), most_open=2)
    assert await jobs.start(job("a2"), most_open=2) is None
    assert await jobs.start(job("b0", "bob"), most_open=2)
    assert [one.job_id for one in await jobs.latest(owner="ana")] == ["a1", "a0"]
    assert [one.job_id for one in await jobs.latest(owner="bob")] == ["b0"]
    assert await jobs.get("a1", owner="bob") is None
    assert await jobs.find("a1", owner="bob") is None
    assert not await jobs.stop("a1", owner="bob")
    named = await jobs.find(" A1", owner="ana")
    assert named is not None
    assert named.job_id == "a1"
    assert await jobs.find("", owner="ana") is None
    await jobs.end(ref_of(job("a0")), Status.FAILED, reason="no")
    assert await jobs.start(job("a2"), most_open=2)


async def test_a_wish_to_stop_is_heard_by_whoever_works_on_the_job(registry: Registry) -> None:
    jobs, ref = registry.jobs, ref_of(job())
    await jobs.start(job(), most_open=3)
    await jobs.begin(ref)
    assert await jobs.beat(ref, 0.1)
    assert await jobs.stop("a1", owner="ana")
    assert not await jobs.beat(ref, 0.1)
    stopping = await jobs.get("a1", owner="ana")
    assert stopping is not None
    assert stopping.stopping


async def test_erasing_leaves_the_others(registry: Registry) -> None:
    jobs = registry.jobs
    await jobs.start(job("a1"), most_open=3)
    await jobs.start(job("b1", "bob"), most_open=3)
    assert await jobs.erase(owner="ana") == ["a1"]
    assert await jobs.latest(owner="ana") == []
    assert not await jobs.beat(ref_of(job("a1")), 0.1)
    assert await jobs.is_new(ref_of(job("a1")))
    assert [one.job_id for one in await jobs.latest(owner="bob")] == ["b1"]


async def test_erasing_finds_the_jobs_that_are_not_listed_any_more(registry: Registry) -> None:
    jobs, given = registry.jobs, [job(f"{number:03}") for number in range(MOST_KEPT + 2)]
    await jobs.start(job("b1", "bob"), most_open=3)
    for one in given:
        await jobs.start(one, most_open=1)
        await jobs.add_progress(ref_of(one), Milestone(name="planned", code="planned"))
        await jobs.end(ref_of(one), Status.DONE, result="3 lei")
    assert len(await jobs.latest(owner="ana", most=1000)) == MOST_KEPT
    assert await jobs.erase(owner="ana") == [one.job_id for one in given]
    assert await jobs.get(given[0].job_id, owner="ana") is None
    left = [key async for key in (await jobs.client()).scan_iter(match="goat:job:*", count=1000)]
    bob = ref_of(job("b1", "bob"))
    assert {key.decode().partition("}")[0] for key in left} == {bob.key().partition("}")[0]}


async def test_word_of_a_job_is_left_once_and_taken_once(registry: Registry) -> None:
    notices = registry.notices
    assert not await notices.put(job(), ENDED)
    await notices.register("th", Address(box=BOX, place="5:0", language="ro"), owner="ana")
    assert [await notices.put(job(), "planned"), await notices.put(job(), "planned")] == [True, False]
    assert await notices.put(job(), ENDED)
    assert not await notices.put(job(owner="bob"), ENDED)
    first = await notices.first(BOX)
    assert first is not None
    assert (first.number, first.job, first.owner, first.name) == (1, "a1", "ana", "planned")
    assert (first.place, first.language, first.is_end) == ("5:0", "ro", False)
    assert [await notices.remove(BOX, first), await notices.remove(BOX, first)] == [True, False]
    last = await notices.first(BOX)
    assert last is not None
    assert (last.number, last.is_end) == (2, True)
    await notices.remove(BOX, last)
    assert await notices.first(BOX) is None
    await notices.erase(owner="ana")
    assert not await notices.put(job("a2"), ENDED)


async def test_a_cluster_does_as_well(cluster_url: str) -> None:
    async with registry_at(cluster_url) as registry:
        for story in (
            test_a_job_from_its_start_to_its_end,
            test_a_beginning_is_taken_back_while_the_job_is_open,
            test_owners_have_their_own_jobs_and_only_so_many_open,
            test_a_wish_to_stop_is_heard_by_whoever_works_on_the_job,
            test_erasing_leaves_the_others,
            test_word_of_a_job_is_left_once_and_taken_once,
        ):
            await story(registry)
            await (await registry.jobs.client()).flushall()


async def test_any_owner_has_jobs(on_valkey: Registry) -> None:
    registry = on_valkey
    for owner in ("telegram-5", "a}b{c", "ș\udce9", "", "x" * 10_000):
        await registry.jobs.start(job(owner=owner), most_open=1)
        found = await registry.jobs.get("a1", owner=owner)
        assert found is not None
        assert found.owner == owner
        await registry.notices.register("th", Address(box=f"terminal:{owner}"), owner=owner)
        assert await registry.notices.put(found, ENDED)
        notice = await registry.notices.first(f"terminal:{owner}")
        assert notice is not None
        assert notice.owner == owner
        assert await registry.notices.remove(f"terminal:{owner}", notice)


async def test_what_cannot_be_read_is_no_job(on_valkey: Registry) -> None:
    await on_valkey.jobs.start(job(), most_open=1)
    await (await on_valkey.jobs.client()).hset(ref_of(job()).key(), "budget", "?")
    assert await on_valkey.jobs.get("a1", owner="ana") is None


async def test_starts_at_once_stay_within_the_limit(on_valkey: Registry) -> None:
    starts = [on_valkey.jobs.start(job(f"a{number}"), most_open=3) for number in range(10)]
    outcomes = await asyncio.gather(*starts)
    assert sorted(map(str, outcomes)) == ["None"] * 7 + ["True"] * 3


async def test_a_server_that_is_down_is_named() -> None:
    async with registry_at("redis://127.0.0.1:1") as registry:
        with pytest.raises(TierUnavailable):
            await registry.jobs.open()
        with pytest.raises(TierUnavailable):
            await registry.notices.first(BOX)
