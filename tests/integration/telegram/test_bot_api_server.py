"""The test Bot API server, as python-telegram-bot and httpx meet it."""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from telegram import Bot, MessageEntity, Update
from telegram.error import BadRequest, NetworkError, RetryAfter

from tests.goat import run_child
from tests.nursery import Nursery
from tests.servers.telegram import BotApi, NotThere, RemoteBotApi, running_bot_api
from tests.servers.telegram.webhook import SECRET_HEADER

ANA, GROUP = 5, -100200


@pytest.fixture
def api() -> Iterator[BotApi]:
    with running_bot_api(seed=1) as api:
        yield api


@pytest.fixture(scope="module")
def lasting_api() -> Iterator[BotApi]:
    """A server for all tests that leave nothing behind."""
    with running_bot_api() as api:
        api.opens_chat(ANA)
        api.opens_chat(GROUP, topic=3)
        yield api


@pytest.fixture
async def bot(api: BotApi) -> AsyncIterator[Bot]:
    async with Bot(api.token, f"{api.url}/bot", f"{api.url}/file/bot") as bot:
        api.opens_chat(ANA)
        yield bot


async def called(api: BotApi, method: str, **parameters: Any) -> Any:
    async with httpx.AsyncClient(timeout=100, verify=False) as client:
        response = await client.post(f"{api.url}/bot{api.token}/{method}", json=parameters)
    answer = response.json()
    assert answer.get("error_code", 200) == response.status_code
    return answer.get("result", answer)


@contextlib.asynccontextmanager
async def listening(
    received: list[dict[str, Any]], answers: list[int], app: Any = None
) -> AsyncIterator[str]:
    """Take updates on a free port; `answers` are the statuses before the 200s."""

    async def take(request: Request) -> Response:
        update = await request.json()
        received.append({"secret": request.headers.get(SECRET_HEADER), "update": update})
        if app is not None:
            await app.update_queue.put(Update.de_json(update, app.bot))
        return Response(status_code=answers.pop(0) if answers else 200)

    listener = socket.create_server(("127.0.0.1", 0))
    routes = [Route("/hook", take, methods=["POST"])]
    config = uvicorn.Config(Starlette(routes=routes), ws="none", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/hook"
    server.should_exit = True
    await serving
    listener.close()


async def test_a_webhook_gets_an_update_again_until_it_takes_it(api: BotApi, bot: Bot) -> None:
    api.webhook_backoff(0.01, 0.02)
    received: list[dict[str, Any]] = []
    async with listening(received, [500, 503]) as url:
        await bot.set_webhook(url)
        first, second = api.says(ANA, "first"), api.says(ANA, "second")
        await api.until(lambda: not api.pending)
        info = await bot.get_webhook_info()
    updates = [request["update"]["update_id"] for request in received]
    assert updates == [first.update_id] * 3 + [second.update_id]
    assert info.last_error_message == "Wrong response from the webhook: 503 Service Unavailable"


async def test_an_offset_acknowledges_what_is_below_it(api: BotApi, bot: Bot) -> None:
    ids = [api.says(ANA, text).update_id or 0 for text in "abcd"]
    assert [update.update_id for update in await bot.get_updates(limit=2)] == ids[:2]
    assert [update.update_id for update in await bot.get_updates(offset=ids[1])] == ids[1:]
    assert list(api.pending) == ids[1:]
    assert [update.update_id for update in await bot.get_updates(offset=-1)] == ids[3:]
    assert api.acknowledged == ids[:3]


async def test_the_older_of_two_polls_is_refused(api: BotApi) -> None:
    older = asyncio.create_task(called(api, "getUpdates", timeout=10))
    version = api.run("version")
    await asyncio.to_thread(api.run, "changed", version=version, seconds=5)
    newer = asyncio.create_task(called(api, "getUpdates", timeout=10))
    refused = await older
    assert refused["error_code"] == 409
    assert refused["description"].startswith("Conflict: terminated by other getUpdates request; make sure")
    api.says(ANA, "hello")
    assert len(await newer) == 1


REFUSED = [
    ({"chat_id": ANA, "text": ""}, "message text is empty"),
    ({"chat_id": ANA, "text": " \n"}, "text must be non-empty"),
    ({"chat_id": ANA, "text": "x" * 4097}, "message is too long"),
    ({"chat_id": ANA, "text": "🐐" * 2049}, "message is too long"),
    ({"chat_id": 404, "text": "x"}, "chat not found"),
    ({"chat_id": ANA, "text": "x", "message_thread_id": 7}, "message thread not found"),
    ({"chat_id": GROUP, "text": "x", "message_thread_id": 1}, "message thread not found"),
    (
        {"chat_id": ANA, "text": "x", "reply_parameters": {"message_id": 99}},
        "message to be replied not found",
    ),
    (
        {"chat_id": ANA, "text": "x", "reply_parameters": {"message_id": "x"}},
        "invalid message_id specified",
    ),
    ({"chat_id": ANA, "text": "x", "parse_mode": "XML"}, "unsupported parse_mode"),
    ({"chat_id": ANA, "text": "x", "reply_markup": "{"}, "can't parse reply markup JSON object"),
    (
        {
            "chat_id": ANA,
            "text": "x",
            "reply_markup": {"inline_keyboard": [[{"text": "x", "callback_data": "x" * 65}]]},
        },
        "BUTTON_DATA_INVALID",
    ),
]


@pytest.mark.parametrize(("parameters", "description"), REFUSED)
async def test_a_message_is_refused(
    lasting_api: BotApi, parameters: dict[str, Any], description: str
) -> None:
    answer = await called(lasting_api, "SENDMESSAGE", **parameters)
    assert answer == {"ok": False, "error_code": 400, "description": f"Bad Request: {description}"}
    assert not [answer for answer in lasting_api.answers(ANA) if answer.text == parameters["text"]]


@pytest.mark.parametrize(
    "entity",
    [
        {"type": "bold", "offset": 0, "length": 0},
        {"type": "bold", "offset": -1, "length": 1},
        {"type": "bold", "offset": 3, "length": 1},
        {"type": "bold", "offset": 0, "length": 4},
        {"type": "bold", "offset": 1, "length": 1},
        {"type": "loud", "offset": 0, "length": 1},
        {"type": "text_link", "offset": 0, "length": 2},
    ],
)
async def test_an_entity_is_refused(lasting_api: BotApi, entity: dict[str, Any]) -> None:
    answer = await called(lasting_api, "sendMessage", chat_id=ANA, text="🐐!", entities=[entity])
    assert answer["error_code"] == 400
    assert "entity" in answer["description"].lower()


async def test_edits_are_kept(api: BotApi, bot: Bot) -> None:
    message = await bot.send_message(ANA, "one")
    await bot.edit_message_text("two", ANA, message.message_id, entities=[MessageEntity("bold", 0, 3)])
    edited = await bot.edit_message_text("three", ANA, message.message_id)
    assert isinstance(edited, type(message))
    assert (edited.text, edited.edit_date is not None) == ("three", True)
    assert api.answers(ANA)[0].edits == ["one", "two"]
    with pytest.raises(BadRequest, match="Message is not modified: specified new message content and reply"):
        await bot.edit_message_text("three", ANA, message.message_id)
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await bot.edit_message_text("x", ANA, 99)
    with pytest.raises(BadRequest, match="Message_too_long"):
        await bot.edit_message_text("x" * 4097, ANA, message.message_id)
    with pytest.raises(BadRequest, match="Message can't be edited"):
        await bot.edit_message_text("x", ANA, api.says(ANA, "mine").message_id)


async def test_a_connection_is_dropped_before_or_after_the_effect(api: BotApi, bot: Bot) -> None:
    api.drop("sendMessage", "before")
    with pytest.raises(NetworkError):
        await bot.send_message(ANA, "never")
    assert api.answers(ANA) == []
    api.drop("sendMessage", "after")
    with pytest.raises(NetworkError):
        await bot.send_message(ANA, "lost")
    assert [answer.text for answer in api.answers(ANA)] == ["lost"]
    assert [(call.status, call.lost) for call in api.calls("sendMessage")] == [(0, False), (200, True)]


async def test_floods_are_refused(api: BotApi, bot: Bot) -> None:
    api.flood(per_chat_per_second=2, group_per_minute=1)
    api.opens_chat(GROUP)
    await bot.send_message(GROUP, "x")
    with pytest.raises(RetryAfter):
        await bot.send_message(GROUP, "x")
    for _ in range(2):
        await bot.send_message(ANA, "x")
    with pytest.raises(RetryAfter):
        await bot.send_message(ANA, "x")
    api.flood()
    await bot.send_message(ANA, "x")
    refused = [call.description for call in api.calls("sendMessage") if call.status == 429]
    assert refused == ["Too Many Requests: retry after 60", "Too Many Requests: retry after 1"]


def test_it_is_controlled_over_http_from_another_process(nursery: Nursery) -> None:
    reading, writing = os.pipe()
    words = ("-m", "tests.servers.telegram", "--port", "0")
    with open(reading) as said, nursery.living(*words, environment=os.environ, stdout=writing):  # noqa: PTH123
        os.close(writing)
        url, token = said.readline().split()
        with RemoteBotApi(url) as api:
            assert api.token == token
            hello = api.says(ANA, "hello \ud83d", name="Ana")
            api.sends_file(ANA, "photo", b"\x00\xff", caption="look")
            assert list(api.pending) == [hello.update_id, (hello.update_id or 0) + 1]
            assert api.messages(ANA)[1].content == b"\x00\xff"
            with pytest.raises(NotThere, match="no message 9"):
                api.edits(ANA, 9, "x")
            api.fail("getMe", 500)
            assert httpx.get(f"{url}/bot{token}/getMe").status_code == 500
            sent = httpx.post(f"{url}/bot{token}/sendMessage", json={"chat_id": ANA, "text": "hi"}).json()
            api.reacts(ANA, sent["result"]["message_id"], "👍")
            assert api.wait_for(lambda: api.answers(ANA))[0].user_reactions == {ANA: "👍"}
            with pytest.raises(TimeoutError):
                api.wait_for(lambda: False, 0.05)


def test_people_chat_with_a_bot_in_a_terminal(nursery: Nursery, api: BotApi, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("abc")
    markup = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]}
    api.opens_chat(ANA)
    bold = [{"type": "bold", "offset": 0, "length": 3}]
    sent = {"chat_id": ANA, "text": "Sure?", "entities": bold, "reply_markup": markup}
    httpx.post(f"{api.url}/bot{api.token}/sendMessage", json=sent).raise_for_status()
    lines = [
        "salut",
        ":edit salut!",
        ":press 1",
        f":file {tmp_path / 'note.txt'}",
        ":react 👍",
        ":dance",
        ":press 7",
    ]
    command = ("-m", "tests.demo.telegram", "--api", api.url, "--chat", str(ANA))
    done = run_child(nursery, command, os.environ, tmp_path, "\n".join(lines).encode())
    assert done.status == 0
    assert "Sure?" in done.shown
    assert "[1] Yes" in done.shown
    assert "[document: note.txt, 3 bytes]" in done.shown
    assert "There is no command :dance" in done.shown
    assert "There is no button 7" in done.shown
    assert [message.text for message in api.messages(ANA)] == ["Sure?", "salut!", ""]
    kinds = [key for update in api.pending.values() for key in update if key != "update_id"]
    assert kinds == ["message", "edited_message", "callback_query", "message"]
    assert json.dumps(api.pending)
