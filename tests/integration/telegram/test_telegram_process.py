"""The bot as processes: start, health, orderly end, pairing, and what it says when it cannot run."""

import asyncio
import contextlib
import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from bot.telegram.process.bot_process import stop_with_parent
from tests.goat import Goat, quick_embeddings, settings_for
from tests.nursery import SECONDS, Life, Nursery
from tests.servers.model import ModelRequest, ModelServer
from tests.servers.redis import free_ports
from tests.servers.telegram import BotApi, running_bot_api

ANA = 101
BRIEFLY = """
import functools, sys
from bot.cli import main
from bot.telegram.process import bot_process, intake
bot_process.Lanes = functools.partial(bot_process.Lanes, lease=2.0)
intake.LEADER_SECONDS, intake._CONFLICT_PAUSE = 1.0, 0.1
sys.argv = ["goat", "telegram"]
main()
"""
"""Runs `goat telegram` with leases that end soon after it is killed, and short pauses."""
Environment = dict[str, str]
Start = Callable[..., contextlib.AbstractContextManager[tuple[Life, Path]]]


@pytest.fixture
def api() -> Iterator[BotApi]:
    with running_bot_api() as server:
        yield server


@pytest.fixture
def configured(tmp_path: Path, api: BotApi, model: ModelServer) -> Environment:
    (tmp_path / "data").mkdir(mode=0o700)
    return {
        **settings_for(tmp_path / "data", model),
        **quick_embeddings(model),
        "GOAT_TELEGRAM_TOKEN": api.token,
        "GOAT_TELEGRAM_API": api.url,
        "GOAT_TELEGRAM_ADMINS": str(ANA),
        "GOAT_TELEGRAM_LISTEN": f"127.0.0.1:{free_ports(1)[0]}",
    }


@pytest.fixture
def start(nursery: Nursery, configured: Environment, tmp_path: Path) -> Start:
    """Runs `goat telegram` for the time of a block; yields the process and its log."""

    @contextlib.contextmanager
    def started(
        *words: str, program: Sequence[str] = ("goat", "telegram"), **more: str
    ) -> Iterator[tuple[Life, Path]]:
        path, environment = tmp_path / "telegram.log", os.environ | configured | more
        with path.open("ab") as log:
            said = log.fileno()
            words = (*program, *words)
            life = nursery.begin(*words, environment=environment, stdout=said, stderr=said, hashed=True)
        try:
            yield life, path
        finally:
            life.end()

    return started


def ready(environment: Environment) -> Callable[[], bool]:
    def ask() -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"http://{environment['GOAT_TELEGRAM_LISTEN']}/readyz").status_code == 200
        return False

    return ask


def answers_to(*words: str, api: BotApi) -> Callable[[], bool]:
    """Return a predicate: each word is answered, alone or with its neighbours, in this order."""
    return lambda: " ".join(answer.text for answer in api.answers(ANA)).split() == [*words]


def last_words(request: ModelRequest) -> str:
    """Answer with the message, which follows after the last fence."""
    return request.last.rpartition(">")[2].strip()


def answered(api: BotApi, text: str) -> Callable[[], bool]:
    return lambda: any(message.text == text for message in api.answers(ANA))


def test_sigterm_lets_the_running_turn_end(
    start: Start, configured: Environment, api: BotApi, model: ModelServer
) -> None:
    model.reply("one two three four")
    model.hold_before = "four"
    with start() as (life, _):
        api.says(ANA, "count")
        api.wait_for(lambda: bool(model.chats), SECONDS)
        assert ready(configured)()
        assert httpx.get(f"http://{configured['GOAT_TELEGRAM_LISTEN']}/healthz").json() == {"status": "alive"}
        life.signal(signal.SIGTERM)
        model.hold_before = ""
        life.wait()
    assert answered(api, "one two three four")()
    assert not api.pending


def test_a_turn_that_does_not_end_in_time_goes_on_at_the_next_start(
    start: Start, api: BotApi, model: ModelServer
) -> None:
    model.delay_per_chunk = 60
    with start(GOAT_TELEGRAM_DRAIN="0.2") as (life, _):
        api.says(ANA, "first")
        api.says(ANA, "second")
        api.wait_for(lambda: bool(model.chats), SECONDS)
        life.signal(signal.SIGTERM)
        life.wait()
    api.says(ANA, "third")
    model.delay_per_chunk = 0
    model.reply(last_words)
    with start():
        api.wait_for(answers_to("first", "second", "third", api=api), SECONDS)


def test_a_bot_that_is_killed_answers_each_message_once_at_its_next_start(
    start: Start, api: BotApi, model: ModelServer
) -> None:
    model.reply(last_words)
    model.hold_before = "first"
    with start(program=("-c", BRIEFLY)) as (life, _):
        api.says(ANA, "first")
        api.says(ANA, "second")
        api.wait_for(lambda: bool(model.chats))
        life.kill()
    model.hold_before = ""
    with start():
        api.wait_for(answers_to("first", "second", api=api))
    assert answers_to("first", "second", api=api)()


@pytest.mark.process
def test_several_processes_share_the_work(start: Start, api: BotApi, model: ModelServer) -> None:
    model.reply("here")
    with start("--workers", "2") as (life, _):
        api.says(ANA, "hello")
        api.wait_for(answered(api, "here"), SECONDS)
        workers = [pid for pid in children(life.pid) if "--parent" in command_line(pid)]
        assert workers
        life.kill()
        until = time.monotonic() + SECONDS
        while any(map(command_line, workers)):
            assert time.monotonic() < until, "a worker outlives its parent"
            time.sleep(0.05)


def children(pid: int) -> list[int]:
    return [
        int(one)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for one in (task / "children").read_text().split()
    ]


def command_line(pid: int) -> str:
    """Return the command line of a process; empty once it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except FileNotFoundError:
        return ""


async def test_a_worker_stops_without_its_parent_and_another_never() -> None:
    alone, orphan = asyncio.Event(), asyncio.Event()
    await stop_with_parent(0, alone)
    await stop_with_parent(os.getppid() + 1, orphan)
    assert (alone.is_set(), orphan.is_set()) == (False, True)


def test_a_code_lets_somebody_in_once(
    start: Start, configured: Environment, api: BotApi, model: ModelServer, goat: Goat
) -> None:
    model.reply("hello")
    goat.configure(configured)
    shown = goat("pair").shown
    code = re.search(r"/start (\w+)", shown)
    assert code is not None
    assert f"https://t.me/goat_test_bot?start={code[1]}" in shown
    with start():
        api.says(201, f"/start {code[1]}")
        api.wait_for(lambda: "may talk to me now" in "".join(a.text for a in api.answers(201)), SECONDS)
        api.says(202, f"/start {code[1]}")
        api.wait_for(lambda: "wrong" in "".join(a.text for a in api.answers(202)), SECONDS)
        api.says(201, "hi")
        api.wait_for(lambda: "hello" in [answer.text for answer in api.answers(201)], SECONDS)


def test_what_keeps_it_from_running_is_said(configured: Environment, api: BotApi, goat: Goat) -> None:
    goat.configure(configured | {"GOAT_TELEGRAM_TOKEN": ""})
    assert "@BotFather" in goat("telegram").shown
    goat.configure(configured | {"GOAT_TELEGRAM_TOKEN": "1:wrong"})
    refused = goat("telegram")
    assert (refused.status, "refuses the token" in refused.shown) == (1, True)
    assert "1:wrong" not in refused.shown
    goat.configure(configured | {"GOAT_TELEGRAM_WEBHOOK": "https://example.org"})
    assert "GOAT_TELEGRAM_WEBHOOK_SECRET" in goat("telegram").shown
    goat.configure(configured | {"GOAT_TELEGRAM_ADMINS": "@ana"})
    assert "numeric ids" in goat("telegram").shown


def test_a_token_that_is_revoked_ends_the_bot(start: Start, configured: Environment, api: BotApi) -> None:
    with start() as (life, log):
        api.wait_for(ready(configured), SECONDS)
        api.says(ANA, "wakes the poll")
        api.revoke()
        life.wait()
    assert "refuses the token" in " ".join(log.read_text("utf-8").split())


def test_another_poller_is_named(start: Start, configured: Environment, api: BotApi) -> None:
    with start(program=("-c", BRIEFLY)) as (_, log):
        api.wait_for(ready(configured), SECONDS)
        api.fail("getUpdates", 409, times=100, description="Conflict: terminated by other getUpdates request")
        api.says(ANA, "wakes the poll")
        until = time.monotonic() + SECONDS
        while "with this bot's token" not in " ".join(log.read_text("utf-8").split()):
            assert time.monotonic() < until
            time.sleep(0.05)


def test_the_doctor_looks_at_the_bot(start: Start, configured: Environment, api: BotApi, goat: Goat) -> None:
    goat.configure(configured)
    assert "@goat_test_bot, 1 people may talk to it" in goat("doctor").shown
    api.raw({"message": {"chat": {"id": ANA}, "date": "tomorrow"}})
    with start():
        api.wait_for(lambda: not api.pending, SECONDS)
        api.says(ANA, "/help")
        api.wait_for(lambda: bool(api.answers(ANA)), SECONDS)
    shown = goat("doctor").shown
    assert "1 messages were given up: not an update as Telegram makes them" in shown
    assert "1 messages are deleted" in goat("telegram", "--drop-dead").shown
    assert "may talk to it" in goat("doctor").shown
