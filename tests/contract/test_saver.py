import asyncio
import operator
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, Checkpoint, empty_checkpoint
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import interrupt
from redis.asyncio import Redis
from typing_extensions import TypedDict

from graph.checkpoint import commit_queue as redis_saver_queue
from graph.checkpoint.checkpoint_records import Namespace, text
from graph.checkpoint.commit_queue import CommitQueue
from graph.checkpoint.redis_saver import RedisSaver
from graph.checkpoint.transactions import CheckpointEntry, Entry, WritesEntry
from memory.concurrency.tasks import Background
from memory.errors import TierCorrupt, TierUnavailable
from memory.working.embedded_server import server_binary
from memory.working.redis_connection import RedisConnection
from tests.contract.redis_servers import connected
from tests.plugins import until
from tests.servers.redis import sentinel

KEEP = 20
BRACES = ["a{b}c", "}{", "{}", "", "a b:c", "ă{"]


@pytest.fixture
async def connection(redis_url: str) -> AsyncIterator[RedisConnection]:
    async with connected(redis_url) as connection:
        yield connection


@pytest.fixture
async def on_valkey(valkey_url: str) -> AsyncIterator[RedisConnection]:
    async with connected(valkey_url) as connection:
        yield connection


@pytest.fixture
async def on_cluster(cluster_url: str) -> AsyncIterator[RedisConnection]:
    async with connected(cluster_url) as connection:
        yield connection


def config_of(thread: str, checkpoint_id: str | None = None) -> RunnableConfig:
    chosen = {"checkpoint_id": checkpoint_id} if checkpoint_id else {}
    return {"configurable": {"thread_id": thread, "checkpoint_ns": "", **chosen}}


def checkpoint_with(values: dict[str, Any]) -> Checkpoint:
    return {**empty_checkpoint(), "channel_values": values, "channel_versions": dict.fromkeys(values, "1")}


async def keys_of(client: Redis) -> list[str]:
    return sorted([key.decode() async for key in client.scan_iter()])


class State(TypedDict, total=False):
    messages: list[str]
    turn: int
    steps: Annotated[list[str], operator.add]
    left: str
    right: str
    joined: str
    fourth: str
    fifth: str
    sixth: str


class Failure(Exception):
    """The node is told to fail."""


def eight_nodes(
    saver: BaseCheckpointSaver[str], *, failing: str = "", size: int = 1000
) -> CompiledStateGraph[State]:
    """Two parallel nodes, joined by a list edge, and then a chain that ends with the messages."""

    graph = StateGraph(State)

    def add(name: str) -> None:
        def run(state: State) -> dict[str, Any]:
            if name == failing:
                raise Failure(name)
            return {name: f"{name} of turn {state['turn']}"} if name in State.__annotations__ else {}

        graph.add_node(name, run)

    def archive(state: State) -> State:
        if failing == "archive":
            raise Failure(failing)
        return {"messages": [*state.get("messages", [])[-19:], f"{state['turn']:4}" + "x" * size]}

    chain = ["joined", "fourth", "fifth", "sixth", "seventh"]
    for name in ["left", "right", *chain]:
        add(name)
    graph.add_node("archive", archive)
    graph.add_edge(START, "left")
    graph.add_edge(START, "right")
    graph.add_edge(["left", "right"], "joined")
    for before, after in zip(chain, [*chain[1:], "archive"], strict=True):
        graph.add_edge(before, after)
    graph.add_edge("archive", END)
    return graph.compile(checkpointer=saver)


async def conformance(connection: RedisConnection, name: str) -> None:
    @checkpointer_test(name=name)
    async def saver() -> AsyncIterator[RedisSaver]:
        yield RedisSaver(connection.client, keep=KEEP)

    report = await validate(saver)
    results = {name: (result.passed, result.failures) for name, result in report.results.items()}
    assert results == dict.fromkeys(results, (True, []))
    assert len(results) == 8
    assert sum(result.tests_passed for result in report.results.values()) > 60


async def test_conformance(connection: RedisConnection) -> None:
    await conformance(connection, "one server")


async def test_conformance_on_a_cluster(on_cluster: RedisConnection) -> None:
    await conformance(on_cluster, "cluster")


async def test_conformance_behind_a_sentinel() -> None:
    async with sentinel(server_binary(), password="pw") as url, connected(url) as connection:
        await conformance(connection, "sentinel")


async def test_a_long_thread_on_a_cluster_is_pruned_and_deleted(on_cluster: RedisConnection) -> None:
    saver, client = RedisSaver(on_cluster.client, keep=5), await on_cluster.client()
    graph = eight_nodes(saver)
    for thread in BRACES:
        for turn in range(2):
            await graph.ainvoke({"turn": turn}, config_of(thread), durability="sync")
        assert 5 <= len([found async for found in saver.alist(config_of(thread))]) <= 7
        assert len((await graph.aget_state(config_of(thread))).values["messages"]) == 2
    assert len([key for key in await keys_of(client) if ":namespaces" in key]) == len(BRACES)
    for thread in BRACES:
        await saver.adelete_thread(thread)
    assert await keys_of(client) == []


async def test_a_thread_cut_off_is_pending_until_it_is_done(connection: RedisConnection) -> None:
    saver = RedisSaver(connection.client)
    for failing in ["left", "joined", "sixth", "archive"]:
        with pytest.raises(Failure):
            await eight_nodes(saver, failing=failing).ainvoke({"turn": 1}, config_of("t"), durability="sync")
        assert await saver.apending() == ["t"]
        await eight_nodes(saver).ainvoke(None, config_of("t"), durability="sync")
        assert await saver.apending() == []


async def test_pending_threads_come_oldest_first(connection: RedisConnection) -> None:
    saver = RedisSaver(connection.client)
    for failing in ["left", "joined", "sixth"]:
        with pytest.raises(Failure):
            await eight_nodes(saver, failing=failing).ainvoke(
                {"turn": 1}, config_of(failing), durability="sync"
            )
    assert await saver.apending() == ["left", "joined", "sixth"]
    await eight_nodes(saver).ainvoke(None, config_of("joined"), durability="sync")
    assert await saver.apending() == ["left", "sixth"]


async def test_an_interrupted_thread_is_pending(on_valkey: RedisConnection) -> None:
    saver = RedisSaver(on_valkey.client)
    graph = StateGraph(State)
    graph.add_node("ask", lambda _: {"left": interrupt("may I?")})
    graph.add_edge(START, "ask")
    await graph.compile(checkpointer=saver).ainvoke({"turn": 1}, config_of("t"))
    assert await saver.apending() == ["t"]


async def test_a_thread_is_pending_before_its_checkpoint_is_there(on_cluster: RedisConnection) -> None:
    """Elsewhere both are written in one transaction."""
    saver = RedisSaver(on_cluster.client)
    cannot_be_stored = checkpoint_with({"branch:to:node": None, "value": object()})
    versions = cannot_be_stored["channel_versions"]
    with pytest.raises(TypeError):
        await saver.aput(config_of("t"), cannot_be_stored, {}, versions)
    assert await saver.aget_tuple(config_of("t")) is None
    assert await saver.apending() == ["t"]


async def test_the_last_checkpoints_stay_whole(connection: RedisConnection) -> None:
    saver = RedisSaver(connection.client, keep=KEEP)
    graph = eight_nodes(saver)
    for turn in range(12):
        await graph.ainvoke({"turn": turn}, config_of("t"), durability="sync")
        history = [state async for state in graph.aget_state_history(config_of("t"))]
        assert len(history) <= 2 * KEEP
    assert len(history) >= KEEP
    parents = [state.parent_config for state in history]
    assert parents == [*(state.config for state in history[1:]), None]
    for state in history[:KEEP]:
        is_input, is_done = state.next == ("__start__",), not state.next
        assert len(state.values["messages"]) == state.values["turn"] + (is_input or is_done)
    fork = next(state for state in history[:KEEP] if state.next == ("sixth",))
    result = await graph.ainvoke(None, fork.config, durability="sync")
    assert result["sixth"] == f"sixth of turn {result['turn']}"


async def test_what_is_pruned_leaves_nothing(on_valkey: RedisConnection) -> None:
    saver, client = RedisSaver(on_valkey.client, keep=KEEP), await on_valkey.client()
    graph = eight_nodes(saver)
    for run in range(10):
        config: RunnableConfig = {**config_of("t"), "metadata": {"run_id": f"run{run}"}}
        await graph.ainvoke({"turn": run}, config, durability="sync")
    runs = [key for key in await keys_of(client) if ":run:" in key]
    assert 2 <= len(runs) <= 4
    await saver.aput_writes(config_of("t", "0-never-stored"), [("left", 1)], "task")
    await saver.adelete_thread("t")
    assert await keys_of(client) == []


async def test_finished_subgraph_runs_do_not_pile_up(on_valkey: RedisConnection) -> None:
    saver, client = RedisSaver(on_valkey.client, keep=4), await on_valkey.client()
    inner = StateGraph(State)
    inner.add_node("left", lambda _: {"left": "x"})
    inner.add_edge(START, "left")
    graph = StateGraph(State)
    graph.add_node("inner", inner.compile())
    graph.add_edge(START, "inner")
    compiled = graph.compile(checkpointer=saver)
    for turn in range(30):
        await compiled.ainvoke({"turn": turn}, config_of("t"), durability="sync")
    assert len(await keys_of(client)) < 60


async def test_an_unchanged_channel_is_not_written_again(on_valkey: RedisConnection) -> None:
    saver, client = RedisSaver(on_valkey.client, keep=100), await on_valkey.client()
    graph = eight_nodes(saver)
    for turn in range(3):
        await graph.ainvoke({"turn": turn}, config_of("t"), durability="sync")
    fields = map(text, await client.hkeys("goat:checkpoint:{t}:blobs:"))
    assert len([field for field in fields if field.startswith("messages\0")]) == 3


async def test_values_that_a_server_lost_while_a_turn_ran_are_written_again(
    on_valkey: RedisConnection,
) -> None:
    graph, client = eight_nodes(RedisSaver(on_valkey.client)), await on_valkey.client()
    async for event in graph.astream({"turn": 1}, config_of("t"), stream_mode="updates", durability="sync"):
        if "fourth" in event:
            await client.flushall()
    values = (await graph.aget_state(config_of("t"))).values
    assert values["turn"] == 1
    assert values["left"] == "left of turn 1"
    assert len(values["messages"]) == 1


REPEATABLE = ["__start__", "left", "right", "joined", "fourth", "fifth", "sixth"]


async def test_steps_that_may_run_again_wait_for_one_that_may_not(
    connection: RedisConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_saver_queue, "LINGER", 600.0)
    saver, other = RedisSaver(connection.client, repeatable=REPEATABLE), RedisSaver(connection.client)
    seen: dict[str, int] = {}
    async for event in eight_nodes(saver).astream(
        {"turn": 1}, config_of("t"), stream_mode="updates", durability="sync"
    ):
        seen[next(iter(event))] = len([found async for found in other.alist(config_of("t"))])
    assert seen["left"] == seen["right"] == 1, "the input is stored before anything runs"
    assert seen["seventh"] > 1, "what another node writes brings everything before it along"
    assert seen["archive"] == len([found async for found in saver.alist(config_of("t"))]) == 9
    assert await other.apending() == []


async def test_what_waited_in_a_process_that_died_is_done_again(connection: RedisConnection) -> None:
    dead = RedisSaver(connection.client, repeatable=REPEATABLE)
    with pytest.raises(Failure):
        await eight_nodes(dead, failing="sixth").ainvoke({"turn": 1}, config_of("t"), durability="sync")
    dead.aput = dead.aput_writes = None  # type: ignore[method-assign, assignment]
    living = RedisSaver(connection.client, repeatable=REPEATABLE)
    assert await living.apending() == ["t"]
    result = await eight_nodes(living).ainvoke(None, config_of("t"), durability="sync")
    assert result["left"] == "left of turn 1"
    assert len(result["messages"]) == 1


async def test_what_waits_is_sent_soon_by_itself(on_valkey: RedisConnection) -> None:
    saver, other = RedisSaver(on_valkey.client, repeatable=REPEATABLE), RedisSaver(on_valkey.client)
    graph = eight_nodes(saver)
    await graph.ainvoke({"turn": 1}, config_of("t"), durability="sync", interrupt_before=["fourth"])
    while not (found := await other.aget_tuple(config_of("t"))) or found.metadata["step"] < 2:  # noqa: ASYNC110 - Redis has no event for it
        await asyncio.sleep(0.01)
    assert found.checkpoint["channel_values"]["left"] == "left of turn 1"


async def test_what_waits_in_a_deleted_thread_does_not_come_back(on_valkey: RedisConnection) -> None:
    saver, client = RedisSaver(on_valkey.client, repeatable=REPEATABLE), await on_valkey.client()
    graph = eight_nodes(saver)
    await graph.ainvoke({"turn": 1}, config_of("t"), durability="sync", interrupt_before=["fourth"])
    await saver.adelete_thread("t")
    await saver.aclose()
    assert await keys_of(client) == []


async def test_what_could_not_be_sent_goes_before_the_next() -> None:
    sent: list[str] = []
    down = True

    async def send(entries: Sequence[Entry]) -> None:
        if down:
            raise TierUnavailable("working", "down")
        sent.extend(entry.task_id for entry in entries if isinstance(entry, WritesEntry))

    queue = CommitQueue(send, Background())
    first, second = (WritesEntry(Namespace("t", ""), "1", [("left", 1)], task, "") for task in ("a", "b"))
    with pytest.raises(TierUnavailable):
        await queue.put(first)
    down = False
    await queue.put(second)
    assert sent == ["a", "b"]


async def test_writes_that_wait_for_a_send_are_not_left_out() -> None:
    sent: list[Entry] = []
    gate = asyncio.Event()

    async def send(entries: Sequence[Entry]) -> None:
        sent.extend(entries)
        await gate.wait()

    queue, namespace = CommitQueue(send, Background()), Namespace("t", "")
    before, writes = (WritesEntry(namespace, parent, [("left", 1)], "task", "") for parent in ("0", "1"))
    child = CheckpointEntry(namespace, empty_checkpoint(), {}, "1", {})
    committing = [asyncio.create_task(queue.put(one)) for one in (before, writes, child)]
    await until(lambda: bool(sent))
    gate.set()
    await asyncio.gather(*committing)
    assert sent == [before, writes, child]


async def test_round_trips(on_valkey: RedisConnection) -> None:
    saver, client = RedisSaver(on_valkey.client), await on_valkey.client()

    async def reads() -> int:
        return int((await client.info("stats"))["total_reads_processed"])

    async def cost(work: Any) -> int:
        before = await reads()
        await work
        return await reads() - before - 1

    pending = checkpoint_with({"branch:to:node": None, "left": "x" * 100})
    done = checkpoint_with({"left": "x" * 100})
    await saver.aput(config_of("t"), done, {}, done["channel_versions"])
    assert await cost(saver.aput(config_of("t"), pending, {}, pending["channel_versions"])) <= 1
    assert await cost(saver.aput(config_of("t"), done, {}, done["channel_versions"])) <= 1
    assert await cost(saver.aput_writes(config_of("t", done["id"]), [("left", 1), ("right", 2)], "task")) <= 1
    assert await cost(saver.aget_tuple(config_of("t"))) <= 3
    assert await cost(saver.aget_tuple(config_of("t", done["id"]))) <= 2


async def test_a_turn_goes_on_from_what_this_process_wrote_last_unless_another_went_on(
    on_valkey: RedisConnection,
) -> None:
    saver, other, client = (
        RedisSaver(on_valkey.client),
        RedisSaver(on_valkey.client),
        await on_valkey.client(),
    )
    graph = eight_nodes(saver)
    await graph.ainvoke({"turn": 1}, config_of("t"), durability="sync")
    before = (await client.info("stats"))["total_reads_processed"]
    kept = await saver.aget_tuple(config_of("t"))
    assert (await client.info("stats"))["total_reads_processed"] - before - 1 == 1
    assert kept == await other.aget_tuple(config_of("t"))
    assert kept
    kept.checkpoint["channel_versions"].clear()
    kept.checkpoint["versions_seen"].clear()
    assert await saver.aget_tuple(config_of("t")) == await other.aget_tuple(config_of("t"))
    await eight_nodes(other).ainvoke({"turn": 2}, config_of("t"), durability="sync")
    assert (await graph.aget_state(config_of("t"))).values["turn"] == 2
    await other.adelete_thread("t")
    assert await saver.aget_tuple(config_of("t")) is None


async def test_a_clone_with_an_allowlist_sees_the_same(on_valkey: RedisConnection) -> None:
    saver = RedisSaver(on_valkey.client)
    clone = saver.with_allowlist([("somewhere", "Something")])
    done = checkpoint_with({"left": "x"})
    await clone.aput(config_of("t"), done, {}, done["channel_versions"])
    found = await saver.aget_tuple(config_of("t"))
    assert found
    assert found.checkpoint["channel_values"] == {"left": "x"}


async def test_copying_copies_what_is_pending(on_valkey: RedisConnection) -> None:
    saver = RedisSaver(on_valkey.client)
    with pytest.raises(Failure):
        await eight_nodes(saver, failing="joined").ainvoke({"turn": 1}, config_of("a"), durability="sync")
    await saver.acopy_thread("a", "b")
    assert await saver.apending() == ["a", "b"]
    await eight_nodes(saver).ainvoke(None, config_of("b"), durability="sync")
    assert await saver.apending() == ["a"]


async def test_what_cannot_be_read_is_corrupt(on_valkey: RedisConnection) -> None:
    saver, client = RedisSaver(on_valkey.client), await on_valkey.client()
    done = checkpoint_with({"left": "x"})
    await saver.aput(config_of("t"), done, {}, done["channel_versions"])
    for rubbish in [b"", b"rubbish", b"msgpack\0\xc1", b"msgpack\0\x93\x01"]:
        await client.hset("goat:checkpoint:{t}:checkpoints:", done["id"], rubbish)
        with pytest.raises(TierCorrupt):
            await saver.aget_tuple(config_of("t"))


async def test_a_server_that_is_down_is_named() -> None:
    async with connected("redis://127.0.0.1:1") as connection:
        saver = RedisSaver(connection.client)
        with pytest.raises(TierUnavailable):
            await saver.aget_tuple(config_of("t"))
        with pytest.raises(TierUnavailable):
            await anext(saver.alist(config_of("t")))


def test_blocking_calls_are_refused() -> None:
    saver = RedisSaver(RedisConnection("redis://nowhere").client)
    with pytest.raises(NotImplementedError, match=r"async only.*aget_tuple"):
        saver.get_tuple(config_of("t"))
    with pytest.raises(NotImplementedError, match="async only"):
        eight_nodes(saver).invoke({"turn": 1}, config_of("t"))


def test_versions_sort_as_text() -> None:
    saver = RedisSaver(RedisConnection("redis://nowhere").client)
    versions = [saver.get_next_version(None, None)]
    for _ in range(120):
        versions.append(saver.get_next_version(versions[-1], None))
    assert versions == sorted(versions)
    assert saver.get_next_version(versions[0], None) != versions[1]
