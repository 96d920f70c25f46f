"""The bot as processes: start, health, orderly end, pairing, and what it says when it cannot run."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.goat import Goat, quick_embeddings, settings_for
from tests.servers.model import ModelServer
from tests.servers.redis import free_ports
from tests.servers.telegram import BotApi, running_bot_api

ANA = 101
Environment = dict[str, str]


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


@contextlib.contextmanager
def started(environment: Environment, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "bot.cli", "telegram", *arguments]
    with subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def ready(environment: Environment) -> Callable[[], bool]:
    def ask() -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"http://{environment['GOAT_TELEGRAM_LISTEN']}/readyz").status_code == 200
        return False

    return ask


def answered(api: BotApi, text: str) -> Callable[[], bool]:
    return lambda: any(message.text == text for message in api.answers(ANA))


def test_sigterm_lets_the_running_turn_end(configured: Environment, api: BotApi, model: ModelServer) -> None:
    model.reply("one two three four")
    model.delay_per_chunk = 0.3
    with started(configured) as process:
        api.says(ANA, "count")
        api.wait_for(lambda: bool(model.chats), 30)
        assert ready(configured)()
        assert httpx.get(f"http://{configured['GOAT_TELEGRAM_LISTEN']}/healthz").json() == {"status": "alive"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert answered(api, "one two three four")()
    assert not api.pending


def test_a_turn_that_does_not_end_in_time_goes_on_at_the_next_start(
    configured: Environment, api: BotApi, model: ModelServer
) -> None:
    model.delay_per_chunk = 60
    with started(configured | {"GOAT_TELEGRAM_DRAIN": "0.2"}) as process:
        api.says(ANA, "first")
        api.says(ANA, "second")
        api.wait_for(lambda: bool(model.chats), 30)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    api.says(ANA, "third")
    model.delay_per_chunk = 0
    model.reply("done")
    with started(configured):
        api.wait_for(lambda: len([a for a in api.answers(ANA) if a.text == "done"]) == 3, 40)
    assert len(model.chats) == 1 + 3


def test_several_processes_share_the_work(configured: Environment, api: BotApi, model: ModelServer) -> None:
    model.reply("here")
    with started(configured, "--workers", "2"):
        api.says(ANA, "hello")
        api.wait_for(answered(api, "here"), 40)


def test_a_code_lets_somebody_in_once(
    configured: Environment, api: BotApi, model: ModelServer, goat: Goat
) -> None:
    model.reply("hello")
    goat.configure(configured)
    shown = goat("pair").shown
    code = re.search(r"/start (\w+)", shown)
    assert code is not None
    assert f"https://t.me/goat_test_bot?start={code[1]}" in shown
    with started(configured):
        for person in (201, 202):
            api.says(person, f"/start {code[1]}")
        api.wait_for(lambda: bool(api.answers(201) and api.answers(202)), 40)
        api.wait_for(lambda: "may talk to me now" in api.answers(201)[0].text, 10)
        api.wait_for(lambda: "wrong" in api.answers(202)[0].text, 10)
        api.says(201, "hi")
        api.wait_for(lambda: "hello" in [answer.text for answer in api.answers(201)], 20)


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


def test_a_token_that_is_revoked_ends_the_bot(configured: Environment, api: BotApi) -> None:
    with started(configured) as process:
        api.wait_for(ready(configured), 30)
        api.says(ANA, "wakes the poll")
        api.revoke()
        assert process.wait(30) == 1
        assert process.stderr is not None
        assert b"refuses the token" in process.stderr.read()


def test_another_poller_is_named(configured: Environment, api: BotApi) -> None:
    with started(configured) as process:
        api.wait_for(ready(configured), 30)
        api.fail("getUpdates", 409, times=100, description="Conflict: terminated by other getUpdates request")
        assert process.stderr is not None
        found = b""
        while b"same token" not in b" ".join(found.split()):
            found += process.stderr.read1(4096)  # type: ignore[attr-defined]


def test_the_doctor_looks_at_the_bot(configured: Environment, api: BotApi, goat: Goat) -> None:
    goat.configure(configured)
    assert "@goat_test_bot, 1 people may talk to it" in goat("doctor").shown
    api.raw({"message": {"chat": {"id": ANA}, "date": "tomorrow"}})
    with started(configured):
        api.wait_for(lambda: not api.pending, 30)
        api.says(ANA, "/help")
        api.wait_for(lambda: bool(api.answers(ANA)), 30)
    shown = goat("doctor").shown
    assert "1 messages were given up: not an update as Telegram makes them" in shown
    assert "1 messages are deleted" in goat("telegram", "--drop-dead").shown
    assert "may talk to it" in goat("doctor").shown
