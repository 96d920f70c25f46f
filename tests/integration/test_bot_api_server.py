"""The test Bot API server, as python-telegram-bot and httpx meet it."""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity, Update
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter
from telegram.ext import Application, CallbackQueryHandler, ContextTypes, MessageHandler, filters

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


async def echo(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
    assert update.effective_message is not None
    await update.effective_message.reply_text(f"You said: {update.effective_message.text}", do_quote=True)


def application(api: BotApi) -> Application[Any, Any, Any, Any, Any, Any]:
    builder = Application.builder().token(api.token)
    return builder.base_url(f"{api.url}/bot").base_file_url(f"{api.url}/file/bot").build()


@contextlib.asynccontextmanager
async def polling(api: BotApi, **options: Any) -> AsyncIterator[Application[Any, Any, Any, Any, Any, Any]]:
    app = application(api)
    assert app.updater is not None
    async with app:
        app.add_handler(MessageHandler(filters.TEXT, echo))
        await app.start()
        await app.updater.start_polling(**options)
        yield app
        await app.updater.stop()
        await app.stop()


async def test_ptb_polls_and_echoes(api: BotApi) -> None:
    async with polling(api):
        said = api.says(ANA, "🐐 /help for @goat_test_bot", name="Ana")
        [answer] = await api.until(lambda: api.answers(ANA))
    assert answer.text == "You said: 🐐 /help for @goat_test_bot"
    assert answer.reply_to == said.message_id
    entities = [(e["type"], e["offset"], e["length"]) for e in api.messages(ANA)[0].entities]
    assert entities == [("bot_command", 3, 5), ("mention", 13, 14)]
    assert api.pending == {}
    assert api.acknowledged == [said.update_id]
    assert {call.status for call in api.calls()} == {200}


async def test_ptb_runs_unchanged_as_a_program(nursery: Nursery, api: BotApi) -> None:
    program = (
        "from telegram.ext import Application, MessageHandler, filters\n"
        "async def echo(update, context):\n"
        "    await update.message.reply_text(update.message.text[::-1])\n"
        f"app = Application.builder().token({api.token!r}).base_url('{api.url}/bot').build()\n"
        "app.add_handler(MessageHandler(filters.TEXT, echo))\n"
        "app.run_polling()\n"
    )
    with nursery.living("-c", program, environment=os.environ):
        api.says(ANA, "abc")
        [answer] = await api.until(lambda: api.answers(ANA))
    assert answer.text == "cba"


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


async def test_ptb_echoes_by_webhook(api: BotApi) -> None:
    app, received = application(api), list[dict[str, Any]]()
    app.add_handler(MessageHandler(filters.TEXT, echo))
    async with app, listening(received, [], app) as url:
        await app.start()
        await app.bot.set_webhook(url, secret_token="s3cret", allowed_updates=["message"], max_connections=3)
        api.says(ANA, "hello")
        api.says(GROUP, "salut", user_id=ANA)
        await api.until(lambda: api.answers(ANA) and api.answers(GROUP) and not api.pending)
        info = await app.bot.get_webhook_info()
        await app.stop()
    assert [answer.text for answer in api.answers(GROUP)] == ["You said: salut"]
    assert [request["secret"] for request in received] == ["s3cret", "s3cret"]
    assert (info.url, info.max_connections, info.pending_update_count) == (url, 3, 0)


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


async def test_what_a_webhook_does_not_take_waits_for_polling(api: BotApi, bot: Bot) -> None:
    await bot.set_webhook("http://127.0.0.1:1/nobody")
    said = api.says(ANA, "hello")
    with pytest.raises(Conflict, match="while webhook is active"):
        await bot.get_updates()
    await bot.delete_webhook()
    assert [update.update_id for update in await bot.get_updates()] == [said.update_id]


async def test_an_offset_acknowledges_what_is_below_it(api: BotApi, bot: Bot) -> None:
    ids = [api.says(ANA, text).update_id or 0 for text in "abcd"]
    assert [update.update_id for update in await bot.get_updates(limit=2)] == ids[:2]
    assert [update.update_id for update in await bot.get_updates(offset=ids[1])] == ids[1:]
    assert list(api.pending) == ids[1:]
    assert [update.update_id for update in await bot.get_updates(offset=-1)] == ids[3:]
    assert api.acknowledged == ids[:3]


async def test_a_poll_waits_for_the_next_update(api: BotApi, bot: Bot) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=10))
    await asyncio.sleep(0)
    said = api.says(ANA, "hello")
    assert [update.update_id for update in await poll] == [said.update_id]


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


async def test_a_poll_whose_client_is_gone_leaves_no_trace(api: BotApi) -> None:
    async with httpx.AsyncClient(timeout=0.05, verify=False) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post(f"{api.url}/bot{api.token}/getUpdates", json={"timeout": 10})
    said = api.says(ANA, "hello")
    [update] = await called(api, "getUpdates")
    assert update["update_id"] == said.update_id
    assert {call.status for call in api.calls("getupdates")} == {200}


async def test_an_unknown_or_revoked_token_is_unauthorized(api: BotApi, bot: Bot) -> None:
    new = api.revoke()
    with pytest.raises(InvalidToken):
        await bot.get_me()
    async with Bot(new, f"{api.url}/bot") as renewed:
        assert renewed.username == "goat_test_bot"


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


@pytest.mark.parametrize(
    ("mode", "source", "problem"),
    [
        ("MarkdownV2", "a.b", "Character '.' is reserved and must be escaped with the preceding '\\'"),
        ("MarkdownV2", "a|b", "Character '|' is reserved and must be escaped with the preceding '\\'"),
        ("MarkdownV2", "🏟 🏟_abac * asd ", "Can't find end of Bold entity at byte offset 15"),
        ("MarkdownV2", "🏟 🏟```a ", "Can't find end of PreCode entity at byte offset 9"),
        ("MarkdownV2", "🏟 🏟__🏟 🏟_", "Can't find end of Italic entity at byte offset 20"),
        ("MarkdownV2", "🏟 🏟```🏟 🏟`", "Can't find end of Code entity at byte offset 21"),
        ("MarkdownV2", "[a](b.c", "Can't find end of a URL at byte offset 4"),
        ("HTML", "🐐<x>", 'Unsupported start tag "x" at byte offset 4'),
        ("HTML", "1 < 2", 'Unsupported start tag "" at byte offset 2'),
        ("HTML", "<b>a", 'Can\'t find end tag corresponding to start tag "b"'),
        ("HTML", "a</b>", "Unexpected end tag at byte offset 1"),
        ("HTML", "<b><i>a</b>", 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'),
        ("HTML", "<span>a</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ],
)
async def test_markup_is_refused(lasting_api: BotApi, mode: str, source: str, problem: str) -> None:
    answer = await called(lasting_api, "sendMessage", chat_id=404, text=source, parse_mode=mode)
    assert answer["description"] == f"Bad Request: can't parse entities: {problem}"


@pytest.mark.parametrize(
    ("mode", "source", "text", "entities"),
    [
        ("HTML", "🐐 <b>a <i>b</i></b> &lt;", "🐐 a b <", [("bold", 3, 3), ("italic", 5, 1)]),
        ("HTML", '<a href="http://x.y/?a=1&amp;b">z</a>', "z", [("text_link", 0, 1)]),
        ("HTML", '<pre><code class="language-c">int\n</code></pre>', "int", [("pre", 0, 3)]),
        ("MarkdownV2", "*a _b_ ||c||*", "a b c", [("bold", 0, 5), ("italic", 2, 1), ("spoiler", 4, 1)]),
        ("MarkdownV2", "___a_**__\\.", "a.", [("underline", 0, 1), ("italic", 0, 1)]),
        ("MarkdownV2", "```py\nx*y\n```", "x*y", [("pre", 0, 3)]),
        ("MarkdownV2", ">a\n>b\nc [d](http://e.f)", "a\nb\nc d", [("blockquote", 0, 3), ("text_link", 6, 1)]),
    ],
)
async def test_markup_becomes_entities(
    lasting_api: BotApi, mode: str, source: str, text: str, entities: list[tuple[str, int, int]]
) -> None:
    message = await called(lasting_api, "sendMessage", chat_id=ANA, text=source, parse_mode=mode)
    assert message["text"] == text
    found = [(e["type"], e["offset"], e["length"]) for e in message["entities"]]
    assert sorted(found) == sorted(entities)


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


async def test_deleted_messages_are_gone(api: BotApi, bot: Bot) -> None:
    numbers = [(await bot.send_message(ANA, text)).message_id for text in "abc"]
    await bot.delete_message(ANA, numbers[0])
    await bot.delete_messages(ANA, [*numbers[:2], 99])
    assert [message.deleted for message in api.messages(ANA)] == [True, True, False]
    with pytest.raises(BadRequest, match="Message to delete not found"):
        await bot.delete_message(ANA, numbers[0])
    theirs = api.says(GROUP, "mine", user_id=ANA)
    with pytest.raises(BadRequest, match="can't be deleted"):
        await bot.delete_message(GROUP, theirs.message_id)


async def test_drafts_stream_in_private_chats_only(api: BotApi, bot: Bot) -> None:
    for text in ("G", "Good", "Good morning"):
        await bot.send_message_draft(ANA, 1, text)
    assert [draft.text for draft in api.drafts(ANA)] == ["G", "Good", "Good morning"]
    assert api.messages(ANA) == []
    with pytest.raises(BadRequest, match="non-zero"):
        await bot.send_message_draft(ANA, 0, "x")
    api.opens_chat(GROUP)
    with pytest.raises(BadRequest, match="Peer_id_invalid"):
        await bot.send_message_draft(GROUP, 1, "x")


async def test_a_bot_that_is_not_wanted_is_forbidden(api: BotApi, bot: Bot) -> None:
    api.blocks(ANA)
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(ANA, "x")
    api.blocks(ANA, blocked=False)
    await bot.send_message(ANA, "x")
    api.opens_chat(GROUP)
    await bot.leave_chat(GROUP)
    with pytest.raises(Forbidden, match="bot is not a member of the supergroup chat"):
        await bot.send_message(GROUP, "x")
    statuses = [
        update.my_chat_member.new_chat_member.status
        for update in await bot.get_updates()
        if update.my_chat_member
    ]
    assert statuses == ["kicked", "member"]


async def test_a_button_is_pressed_and_answered(api: BotApi) -> None:
    async def pressed(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.callback_query is not None
        await update.callback_query.answer("Done", show_alert=True)
        await update.callback_query.edit_message_text(f"Chosen: {update.callback_query.data}")

    async with polling(api) as app:
        app.add_handler(CallbackQueryHandler(pressed))
        api.opens_chat(ANA)
        markup = InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data="y")]])
        sent = await app.bot.send_message(ANA, "Sure?", reply_markup=markup)
        assert [(button.text, button.data) for button in api.messages(ANA)[0].buttons] == [("Yes", "y")]
        api.presses(ANA, sent.message_id, "Yes")
        await api.until(lambda: api.messages(ANA)[0].edits)
    assert api.messages(ANA)[0].text == "Chosen: y"
    assert api.messages(ANA)[0].buttons == []
    [answer] = api.callback_answers
    assert (answer.text, answer.show_alert, answer.data, answer.user_id) == ("Done", True, "y", ANA)
    with pytest.raises(NotThere):
        api.presses(ANA, sent.message_id, "Yes")
    refused = await called(api, "answerCallbackQuery", callback_query_id=answer.query_id)
    assert "query is too old" in refused["description"]


async def test_reactions_come_only_when_asked_for(api: BotApi, bot: Bot) -> None:
    sent = await bot.send_message(ANA, "hello")
    assert api.reacts(ANA, sent.message_id, "👍") is None
    await bot.get_updates(allowed_updates=Update.ALL_TYPES)
    assert api.reacts(ANA, sent.message_id, "🔥") is not None
    [update] = await bot.get_updates()
    assert update.message_reaction is not None
    assert update.message_reaction.to_dict()["old_reaction"] == [{"type": "emoji", "emoji": "👍"}]
    await bot.set_message_reaction(ANA, sent.message_id, "👀")
    assert api.messages(ANA)[0].bot_reactions == ["👀"]
    with pytest.raises(BadRequest, match="Reaction_invalid"):
        await bot.set_message_reaction(ANA, sent.message_id, "x")


async def test_files_go_both_ways(api: BotApi, bot: Bot) -> None:
    content = bytes(range(256)) * 20 + b"\r\n--\r\n"
    api.sends_file(ANA, "voice", content)
    api.sends_file(ANA, "document", b"x", file_name="big.bin", size=30_000_000)
    voice, document = [update.message for update in await bot.get_updates()]
    assert voice is not None
    assert voice.voice is not None
    assert bytes(await (await voice.voice.get_file()).download_as_bytearray()) == content
    assert document is not None
    assert document.document is not None
    with pytest.raises(BadRequest, match="File is too big"):
        await document.document.get_file()
    sent = await bot.send_document(ANA, content, filename="a.bin", caption="<b>hi</b>", parse_mode="HTML")
    await bot.send_photo(ANA, content)
    await bot.send_document(ANA, sent.document.file_id if sent.document else "")
    [first, photo, again] = api.answers(ANA)
    assert (first.kind, first.file_name, first.content, first.text) == ("document", "a.bin", content, "hi")
    assert (photo.kind, photo.content, again.content) == ("photo", content, content)
    with pytest.raises(BadRequest, match="Message caption is too long"):
        await bot.send_photo(ANA, content, caption="x" * 1025)


async def test_groups_topics_and_quotes(api: BotApi, bot: Bot) -> None:
    first = api.says(GROUP, "a long question", user_id=ANA, topic=9)
    api.says(GROUP, "this", user_id=6, topic=9, reply_to=first.message_id, quote="long")
    updates = await bot.get_updates()
    reply = updates[1].message
    assert reply is not None
    assert (reply.chat.type, reply.chat.is_forum, reply.message_thread_id) == ("supergroup", True, 9)
    assert reply.reply_to_message is not None
    assert reply.reply_to_message.text == "a long question"
    assert reply.quote is not None
    assert (reply.quote.text, reply.quote.position) == ("long", 2)
    answer = await reply.reply_text("answer", message_thread_id=9)
    assert (answer.message_thread_id, api.answers(GROUP)[0].topic) == (9, 9)
    assert (await bot.get_chat_member(GROUP, 6)).status == "member"
    assert (await bot.get_chat(GROUP)).is_forum


async def test_people_edit_send_places_and_nonsense(api: BotApi, bot: Bot) -> None:
    said = api.says(ANA, "helo", language="ro")
    api.edits(ANA, said.message_id, "hello")
    api.sends(ANA, "location", {"latitude": 45.6, "longitude": 25.6})
    updates = await bot.get_updates()
    assert updates[1].edited_message is not None
    assert updates[1].edited_message.text == "hello"
    assert updates[2].message is not None
    assert updates[2].message.location is not None
    assert updates[0].effective_user is not None
    assert updates[0].effective_user.language_code == "ro"
    number = api.raw({"message": {"broken": True}})
    api.raw("nonsense")
    raw = await called(api, "getUpdates", offset=number)
    assert raw == [{"update_id": number, "message": {"broken": True}}, "nonsense"]


async def test_commands_have_scopes_and_languages(api: BotApi, bot: Bot) -> None:
    await bot.set_my_commands([("help", "Help")])
    await bot.set_my_commands([("help", "Ajutor")], {"type": "chat", "chat_id": ANA}, "ro")  # type: ignore[arg-type]
    assert api.commands["chat:5", "ro"] == [{"command": "help", "description": "Ajutor"}]
    assert [command.description for command in await bot.get_my_commands()] == ["Help"]
    await bot.delete_my_commands()
    assert list(api.commands) == [("chat:5", "ro")]


async def test_an_unknown_method_is_recorded(api: BotApi) -> None:
    answer = await called(api, "sendDance", chat_id=ANA)
    assert (answer["error_code"], answer["description"]) == (404, "Not Found: method not found")
    [call] = api.calls("sendDance")
    assert (call.parameters, call.status) == ({"chat_id": ANA}, 404)


async def test_calls_fail_as_told(api: BotApi, bot: Bot) -> None:
    api.fail("sendMessage", 429, retry_after=7, chat=ANA)
    api.fail("send*", 502, html=True)
    api.fail("sendMessage", 500)
    with pytest.raises(RetryAfter) as caught:
        await bot.send_message(ANA, "x")
    assert caught.value.retry_after in {7, timedelta(seconds=7)}
    for _ in range(2):
        with pytest.raises(NetworkError):
            await bot.send_message(ANA, "x")
    await bot.send_message(ANA, "x")
    assert [call.status for call in api.calls("sendMessage")] == [429, 502, 500, 200]
    assert len(api.answers(ANA)) == 1


async def test_chance_is_seeded(api: BotApi) -> None:
    def statuses() -> list[int]:
        api.clear_faults(seed=3)
        api.fail("getMe", 500, probability=0.5)
        with httpx.Client(verify=False) as client:
            return [client.get(f"{api.url}/bot{api.token}/getMe").status_code for _ in range(12)]

    first = await asyncio.to_thread(statuses)
    assert set(first) == {200, 500}
    assert await asyncio.to_thread(statuses) == first


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


async def test_a_delay_holds_a_call_back(api: BotApi, bot: Bot) -> None:
    api.delay("sendMessage", 0.1)
    await bot.send_message(ANA, "x")
    assert api.calls("sendMessage")[0].seconds >= 0.1


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


async def test_forms_and_addresses_carry_parameters(api: BotApi) -> None:
    api.opens_chat(ANA)
    url = f"{api.url}/bot{api.token}/sendmessage"
    async with httpx.AsyncClient() as client:
        await client.get(url, params={"chat_id": ANA, "text": "12"})
        await client.post(url, data={"chat_id": str(ANA), "text": "[1]"})
        await client.post(url, files={"chat_id": (None, str(ANA)), "text": (None, "ă🐐")})
    assert [answer.text for answer in api.answers(ANA)] == ["12", "[1]", "ă🐐"]


async def test_a_group_becomes_a_supergroup(api: BotApi) -> None:
    api.opens_chat(-7, chat_type="group")
    api.migrates(-7, -1007)
    answer = await called(api, "sendMessage", chat_id=-7, text="x")
    assert answer["parameters"] == {"migrate_to_chat_id": -1007}


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
