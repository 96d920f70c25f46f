"""The Letta store against servers that behave as recorded, as older ones did, and badly."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from memory.errors import MemoryTierError, TierCorrupt, TierUnavailable
from memory.permanent.letta.letta_agents import LABEL, MOST_CHARS, Block, BlockFull, LettaAgents, agent_name
from memory.permanent.letta.letta_http import read_address
from memory.permanent.letta.letta_store import LettaAddress, LettaPermanentStore
from memory.permanent.letta.writer_lock import writer_lock
from tests.nursery import Nursery
from tests.servers.chroma import free_port
from tests.servers.letta import Fault, LettaServer, running_letta_server

AT = datetime(2025, 3, 1, 12, tzinfo=UTC)
TOKEN = "a-secret-token"
RECORD = Path(__file__).parents[1] / "letta" / "contract.json"
Opened = Callable[..., LettaPermanentStore]
HTML = b"<html><h1>It works!</h1></html>"


@pytest.fixture
def server() -> Iterator[LettaServer]:
    with running_letta_server(token=TOKEN) as server:
        yield server


def open_store(url: str, locks: Path, *, token: str = TOKEN, timeout: float = 100) -> LettaPermanentStore:
    address = LettaAddress(SecretStr(url), SecretStr(token), timeout)
    return LettaPermanentStore(address, count_tokens=len, max_tokens=10**9, lock_folder=locks)


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opened]:
    """Open stores that are closed after the test, each as if on a machine of its own."""
    stores: list[LettaPermanentStore] = []

    def open_one(url: str, **options: Any) -> LettaPermanentStore:
        stores.append(open_store(url, tmp_path / f"locks-{len(stores)}", **options))
        return stores[-1]

    yield open_one
    for store in stores:
        await store.aclose()


@pytest.fixture
async def store(server: LettaServer, tmp_path: Path) -> AsyncIterator[LettaPermanentStore]:
    store = open_store(server.url, tmp_path / "locks")
    yield store
    await store.aclose()


async def current(store: LettaPermanentStore) -> dict[str, str]:
    return {fact.key: fact.value for fact in await store.facts(owner="ana")}


# The record of a real server


def test_the_test_server_answers_as_the_real_one_did() -> None:
    cases = json.loads(RECORD.read_text())
    with running_letta_server(token="s3cret") as server:
        server.state.stray_label_refused = True
        ids: dict[str, str] = {}
        with httpx.Client(base_url=server.url, trust_env=False) as client:
            for case in cases:
                _replay(client, case, ids)
    assert len(cases) > 45


def _replay(client: httpx.Client, case: dict[str, Any], ids: dict[str, str]) -> None:
    asked, recorded = case["request"], case["answer"]
    path, headers = asked["path"], asked.get("headers", {"Authorization": "Bearer s3cret"})
    for theirs, ours in ids.items():
        path = path.replace(theirs, ours)
    body = asked.get("json")
    if isinstance(body, dict) and isinstance(body.get("value"), dict) and "repeat" in body["value"]:
        letter, times = body["value"]["repeat"]
        body = body | {"value": letter * times}
    answer = client.request(asked["method"], path, params=asked.get("params"), json=body, headers=headers)
    assert answer.status_code == recorded["status"], case["case"]
    if "location" in recorded:
        assert answer.headers["location"].endswith(recorded["location"]), case["case"]
    elif recorded["body"] != "...":
        _compare(recorded["body"], answer.json(), ids, case["case"])


def _compare(recorded: Any, ours: Any, ids: dict[str, str], case: str) -> None:
    """Compare shapes all the way down, and the values that do not depend on the moment."""
    if isinstance(recorded, list):
        assert len(recorded) == len(ours), case
        for theirs, own in zip(recorded, ours, strict=True):
            _compare(theirs, own, ids, case)
    elif isinstance(recorded, dict):
        for key, value in recorded.items():
            assert key in ours, f"{case}: {key}"
            _compare(value, ours[key], ids, f"{case}: {key}")
        if "id" in recorded:
            ids[recorded["id"]] = ours["id"]
    else:
        assert type(recorded) is type(ours), case
        if case.endswith((": value", ": limit", ": label", ": name")) and recorded != "...":
            assert recorded == ours, case


async def test_an_erased_fact_that_another_machine_writes_back_is_erased_again(
    store: LettaPermanentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.upsert("place", "under the stove", owner="ana", at=AT)
    write, written = LettaAgents.write, list[str]()

    async def write_back(agents: LettaAgents, block: Block, value: str) -> None:
        await write(agents, block, value)
        if not written:  # the other machine read before, and writes after
            await write(agents, block, block.value)
        written.append(value)

    monkeypatch.setattr(LettaAgents, "write", write_back)
    await store.erase_facts({"place": AT}, owner="ana")
    assert len(written) == 2
    assert await store.history("place", owner="ana") == []


# Requests of a turn


async def test_identity_and_facts_read_at_once_share_one_request(
    server: LettaServer, store: LettaPermanentStore
) -> None:
    await store.upsert("city", "Cluj", owner="ana", at=AT)
    await current(store)
    server.requests.clear()
    await asyncio.gather(store.identity(owner="ana"), store.facts(owner="ana"))
    assert [method for method, _ in server.requests] == ["GET"]


async def test_a_read_that_is_given_up_does_not_take_the_other_with_it(
    server: LettaServer, store: LettaPermanentStore
) -> None:
    await store.upsert("city", "Cluj", owner="ana", at=AT)
    server.faults.append(Fault(wait=0.2))
    given_up, waiting = asyncio.create_task(store.identity(owner="ana")), asyncio.create_task(current(store))
    await asyncio.sleep(0.05)
    given_up.cancel()
    assert await waiting == {"city": "Cluj"}


async def test_reading_an_owner_without_facts_makes_nothing(
    opened: Opened, server: LettaServer, store: LettaPermanentStore
) -> None:
    assert await current(store) == {}
    assert not await store.forget("city", owner="ana", at=AT)
    assert len(server.state.agents) <= 1
    assert await opened(server.url).identity(owner="bob") is None
    assert not server.state.named(agent_name("bob"))


async def test_what_stands_in_letta_is_readable_and_has_no_owner_in_its_name(
    server: LettaServer, store: LettaPermanentStore
) -> None:
    await store.upsert("city", "Brașov 🦉", owner="ana", at=AT)
    await store.set_identity("a pirate", owner="ana")
    agent = server.state.agents[0]
    assert "ana" not in agent.name
    assert agent.tags == ["goat"]
    assert "ana" in (agent.description or "")
    assert '"facts": {\n  "city": "Brașov 🦉"\n}' in agent.blocks[0].value
    assert '"identity": "a pirate"' in agent.blocks[0].value


# Several writers


@pytest.mark.parametrize("strict", [True, False])
async def test_first_writers_of_many_machines_agree_on_one_agent(opened: Opened, strict: bool) -> None:
    with running_letta_server(strict=strict) as server:
        stores = [opened(server.url, token="") for _ in range(4)]
        await asyncio.gather(*(s.upsert(f"k{n}", "v", owner="ana", at=AT) for n, s in enumerate(stores)))
        for n, store in enumerate(stores):
            await store.upsert(f"later{n}", "v", owner="ana", at=AT)
        written = [agent for agent in server.state.agents if '"n": 1' in agent.blocks[0].value]
        assert len(written) == 1
        assert written[0] is min(server.state.agents, key=lambda agent: (agent.created_at, agent.id))
        assert {f"later{n}" for n in range(4)} <= set(await current(stores[0]))


WRITER = """
import asyncio, sys
from pathlib import Path
from tests.integration.test_letta import AT, open_store

async def main():
    store = open_store(sys.argv[1], Path(sys.argv[2]))
    for n in range(15):
        await store.upsert(f"{sys.argv[3]}-{n}", "v", owner="ana", at=AT)
    await store.aclose()

asyncio.run(main())
"""


async def test_workers_on_one_machine_lose_nothing(
    nursery: Nursery, server: LettaServer, store: LettaPermanentStore, tmp_path: Path
) -> None:
    words = ("-c", WRITER, server.url, str(tmp_path / "locks"))
    workers = [nursery.begin(*words, name, environment=os.environ) for name in ("left", "right")]
    assert [await asyncio.to_thread(worker.wait) for worker in workers] == [0, 0]
    assert len(await current(store)) == 30
    assert (tmp_path / "locks").stat().st_mode & 0o777 == 0o700


async def test_a_writer_who_waits_too_long_is_told(tmp_path: Path) -> None:
    async with writer_lock(tmp_path, "one", patience=1), writer_lock(tmp_path, "another", patience=1):
        with pytest.raises(TierUnavailable, match="try again when it is done"):
            await _hold(tmp_path, patience=0.05)
    await _hold(tmp_path)


async def test_a_writer_who_gives_up_leaves_the_lock_free(tmp_path: Path) -> None:
    for pause in range(20):
        waiting = asyncio.create_task(_hold(tmp_path))
        await asyncio.sleep(pause / 20_000)
        waiting.cancel()
        await asyncio.wait([waiting])
    await _hold(tmp_path)


async def _hold(folder: Path, patience: float = 100) -> None:
    async with asyncio.timeout(100), writer_lock(folder, "one", patience=patience):
        pass


async def test_a_folder_that_holds_no_locks_is_named_and_nothing_is_written(
    server: LettaServer, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    store = open_store(server.url, tmp_path / "file" / "locks")
    writes = [store.upsert(f"k{n}", "v", owner="ana", at=AT) for n in range(3)]
    for result in await asyncio.gather(*writes, store.erase(owner="ana"), return_exceptions=True):
        assert isinstance(result, TierUnavailable)
        assert "make it writable" in str(result)
    assert server.requests == []
    await store.aclose()


async def test_what_stands_in_a_second_agent_is_not_lost(
    opened: Opened, server: LettaServer, store: LettaPermanentStore
) -> None:
    await store.upsert("city", "Cluj", owner="ana", at=AT)
    older, server.state.agents = server.state.agents, []
    await opened(server.url).upsert("pet", "cat", owner="ana", at=AT)
    server.state.agents = older + server.state.agents
    fresh = opened(server.url)
    assert await current(fresh) == {"city": "Cluj", "pet": "cat"}
    await fresh.erase(owner="ana")
    assert server.state.agents == []
    assert server.state.blocks == []


@pytest.mark.parametrize("status", [409, 500])
@pytest.mark.parametrize("kept", [True, False])
async def test_the_loser_of_a_race_tries_again_and_writes_once(
    server: LettaServer, store: LettaPermanentStore, status: int, kept: bool
) -> None:
    await store.upsert("city", "Cluj", owner="ana", at=AT)
    server.faults.append(Fault(status, b"{}", method="PATCH", times=2, kept=kept))
    assert await store.forget("city", owner="ana", at=AT)
    await store.upsert("city", "Iași", owner="ana", at=AT)
    assert [fact.value for fact in await store.history("city", owner="ana")] == ["Iași", "Cluj"]
    assert len((await store.records(owner="ana")).facts) == 3


async def test_a_server_that_never_takes_a_write_is_given_up(
    server: LettaServer, store: LettaPermanentStore
) -> None:
    server.faults.append(Fault(500, b"{}", method="PATCH", times=100))
    with pytest.raises(TierUnavailable, match="500"):
        await store.upsert("city", "Cluj", owner="ana", at=AT)
    assert server.count("PATCH") < 10


# What must not be overwritten


async def test_a_block_that_is_gone_overwrites_no_other(
    server: LettaServer, store: LettaPermanentStore
) -> None:
    await store.upsert("city", "Cluj", owner="ana", at=AT)
    block = server.state.agents[0].blocks[0]
    block.label, before = "notes of a person", block.value
    with pytest.raises(TierUnavailable, match=f"lost its block {LABEL}"):
        await store.upsert("city", "Iași", owner="ana", at=AT)
    assert block.value == before
    assert len(server.state.agents) == 1


ANSWERS = {
    "no limit": lambda block: {"id": block, "label": LABEL, "value": "x", "limit": None},
    "no value": lambda block: {"id": block, "label": LABEL},
}
UNKNOWN = [[], {}, {"id": "../agents", "label": LABEL}, {"id": 7}, {"id": "block-1", "label": "of a person"}]


@pytest.mark.parametrize("name", ANSWERS)
async def test_what_cannot_be_read_can_be_erased(
    server: LettaServer, store: LettaPermanentStore, name: str
) -> None:
    await store.upsert("city", "Cluj", owner="ana", at=AT)
    body = json.dumps(ANSWERS[name](server.state.agents[0].blocks[0].id)).encode()
    server.faults += [Fault(method="GET"), Fault(method="GET", body=body)]
    await store.erase(owner="ana")
    assert (server.state.agents, server.state.blocks) == ([], [])


@pytest.mark.parametrize("body", [HTML, *(json.dumps(one).encode() for one in UNKNOWN)])
async def test_an_agent_whose_block_is_unknown_is_deleted_and_no_other_block(
    server: LettaServer, store: LettaPermanentStore, body: bytes
) -> None:
    await store.upsert("city", "Cluj", owner="ana", at=AT)
    server.faults += [Fault(method="GET"), Fault(method="GET", body=body)]
    await store.erase(owner="ana")
    assert server.state.agents == []
    assert server.count("DELETE") == 1


@pytest.mark.parametrize(
    "value",
    [
        "",
        "{}",
        "[]",
        "hello",
        '{"format": "goat-memory-2"}',
        "[" * 100_000,
        "half",
        "ana's",
        '{"format": NaN}',
    ],
)
async def test_a_document_that_cannot_be_read_is_left_as_it_is(
    server: LettaServer, store: LettaPermanentStore, value: str
) -> None:
    await store.upsert("city", "Cluj", owner="ana", at=AT)
    block = server.state.agents[0].blocks[0]
    whole = block.value
    swaps = {"half": whole[: len(whole) // 2], "ana's": whole.replace('"ana"', '"bob"')}
    block.value = swaps.get(value, value)
    before, patches = block.value, server.count("PATCH")
    for attempt in (
        store.upsert("k", "v", owner="ana", at=AT),
        store.set_identity("x", owner="ana"),
        current(store),
    ):
        with pytest.raises(TierCorrupt, match=LABEL):
            await attempt
    assert (block.value, server.count("PATCH")) == (before, patches)
    await store.erase(owner="ana")
    assert await current(store) == {}


async def test_another_owners_agent_is_refused(
    opened: Opened, server: LettaServer, store: LettaPermanentStore
) -> None:
    await store.upsert("city", "Cluj", owner="ana", at=AT)
    server.state.agents[0].name = "goat-of-somebody-else"
    listed = json.dumps([server.state.agents[0].as_json()]).encode()
    server.faults.append(Fault(body=listed, times=10))
    for attempt in (opened(server.url).facts(owner="ana"), opened(server.url).erase(owner="ana")):
        with pytest.raises(TierCorrupt, match="another owner"):
            await attempt
    assert server.count("DELETE") == 0


BAD = {
    "html": (Fault(body=HTML, media_type="text/html"), TierCorrupt, "not JSON"),
    "half": (Fault(share=0.5), TierCorrupt, "not JSON"),
    "no list": (Fault(body=b'{"a": 1}'), TierCorrupt, "not a list"),
    "odd list": (Fault(body=b"[1, null]"), TierCorrupt, "not a list"),
    "no id": (
        Fault(body=json.dumps([{"name": agent_name("ana"), "id": "../x"}]).encode()),
        TierCorrupt,
        "no id",
    ),
    "slow": (Fault(wait=60), TierUnavailable, "did not answer within 0.3 s"),
    "401": (Fault(401, b"{}"), TierUnavailable, "GOAT_LETTA_TOKEN"),
    "404": (Fault(404, b"{}"), TierUnavailable, "GOAT_LETTA_URL"),
    "429": (Fault(429, b"{}"), TierUnavailable, "fewer requests"),
    "500": (Fault(500, HTML), TierUnavailable, "500"),
    "503": (Fault(503, HTML), TierUnavailable, "503"),
    "elsewhere": (
        Fault(307, b"", headers=(("location", "http://x.invalid/"),)),
        TierUnavailable,
        "elsewhere",
    ),
}


@pytest.mark.parametrize("name", list(BAD))
async def test_bad_answers_are_named_and_nothing_is_written_after_them(
    opened: Opened, server: LettaServer, name: str
) -> None:
    fault, error, text = BAD[name]
    store = opened(server.url, timeout=0.3 if name == "slow" else 100)
    server.faults.append(fault)
    with pytest.raises(error, match=text) as raised:
        await store.facts(owner="ana")
    assert TOKEN not in str(raised.value)
    assert server.count("GET") == len(server.requests)


async def test_an_unreadable_answer_to_a_read_lets_no_write_follow(
    server: LettaServer, store: LettaPermanentStore
) -> None:
    await store.upsert("city", "Cluj", owner="ana", at=AT)
    before, patches = server.state.blocks[0].value, server.count("PATCH")
    for fault in (
        Fault(share=0.5, method="GET"),
        Fault(503, HTML, method="GET"),
        Fault(body=HTML, method="GET"),
    ):
        server.faults.append(fault)
        with pytest.raises(MemoryTierError):
            await store.upsert("city", "Iași", owner="ana", at=AT)
    assert (server.state.blocks[0].value, server.count("PATCH")) == (before, patches)
    assert len(server.state.agents) == 1


# Limits


@pytest.mark.parametrize("strict", [True, False])
async def test_the_limit_of_a_block_is_raised_before_it_is_passed(opened: Opened, strict: bool) -> None:
    with running_letta_server(strict=strict) as server:
        store = opened(server.url, token="")
        await store.upsert("book", "x" * 70_000, owner="ana", at=AT)
        assert len(server.state.blocks[0].value) > 100_000
        assert server.state.blocks[0].limit >= len(server.state.blocks[0].value)


async def test_what_no_block_can_hold_is_refused_alone(
    server: LettaServer, store: LettaPermanentStore
) -> None:
    writes = [
        store.upsert(key, "v" * size, owner="ana", at=AT)
        for key, size in [("a", 1), ("b", MOST_CHARS), ("c", 1)]
    ]
    first, refused, last = await asyncio.gather(*writes, return_exceptions=True)
    assert (first, last) == (None, None)
    assert isinstance(refused, BlockFull)
    assert "goat facts copy" in str(refused)
    assert await current(store) == {"a": "v", "c": "v"}
    assert all(len(block.value) < 10_000 for block in server.state.blocks)


# Addresses and secrets


async def test_a_server_that_is_down_is_named_without_secrets(opened: Opened) -> None:
    url = f"http://user:pass-word@127.0.0.1:{free_port()}/"
    store = opened(url)
    with pytest.raises(TierUnavailable, match="cannot be reached") as raised:
        await store.upsert("k", "v", owner="ana", at=AT)
    assert "pass-word" not in repr(raised.value)
    assert TOKEN not in repr(raised.value)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://h:8283", b""),
        ("http://h:8283/", b""),
        ("https://h/v1/", b""),
        ("https://h/letta/v1", b"/letta"),
        ("http://u:p@h/a%20b/?x=1#f", b"/a%20b"),
    ],
)
def test_addresses_may_end_as_people_write_them(url: str, path: str) -> None:
    read, headers = read_address(LettaAddress(SecretStr(url), SecretStr(" a-token\n")))
    assert (read.raw_path, read.userinfo) == (path or b"/", b"")
    assert headers["Authorization"] == "Bearer a-token"


def test_without_a_token_the_password_of_the_address_is_sent() -> None:
    read, headers = read_address(LettaAddress(SecretStr("http://u:p@h")))
    assert read.userinfo == b"u:p"
    assert "Authorization" not in headers


@pytest.mark.parametrize("url", ["", "letta:8283", "ftp://h", "http://", "http://h:99999", "http://u:p/w@h"])
def test_addresses_that_are_none_are_refused_without_being_shown(url: str) -> None:
    with pytest.raises(TierUnavailable, match="GOAT_LETTA_URL is not a valid URL") as raised:
        read_address(LettaAddress(SecretStr(url)))
    assert "u:p/w" not in str(raised.value)


@pytest.mark.parametrize("token", ["two words", "söme", "a\nb"])
def test_tokens_that_cannot_be_sent_are_refused_without_being_shown(token: str) -> None:
    with pytest.raises(TierUnavailable, match="GOAT_LETTA_TOKEN") as raised:
        read_address(LettaAddress(SecretStr("http://h"), SecretStr(token)))
    assert token not in str(raised.value)


async def test_the_token_is_never_sent_to_another_server(opened: Opened, server: LettaServer) -> None:
    with running_letta_server() as other:
        location = (("location", f"{other.url}/v1/agents/"),)
        server.faults.append(Fault(307, b"", headers=location, times=9))
        store = opened(server.url)
        with pytest.raises(TierUnavailable, match="elsewhere"):
            await store.upsert("city", "Cluj", owner="ana", at=AT)
        assert other.requests == []
