"""Turns in Telegram: how answers are streamed, stand once whatever goes wrong, follow edits, stay private."""

import json
import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import httpx
import pytest
import pytest_asyncio
from telegram import Message, Update
from telegram.error import NetworkError

from bot.telegram.inbox.lanes import Claim, clock
from bot.telegram.outbox.courier import brief
from bot.telegram.outbox.message_format import pieces, preview, utf16_length
from bot.telegram.place import Place
from bot.telegram.process.application import add_handlers, build_application
from bot.telegram.process.workers import Dispatcher
from bot.telegram.turn_records import TurnRecords
from bot.telegram.turns.turn_presenter import answer_buttons
from graph.settings.settings import Settings
from memory.errors import TierUnavailable
from memory.models import Episode
from tests.plugins import until
from tests.servers.model import Fault, ModelServer
from tests.servers.telegram import BotApi, Message as Sent
from tests.telegram_bot import ANA, BOB, Bot, running_bot

pytestmark = pytest.mark.asyncio(loop_scope="session")

GROUP = -1001
MENTION = "@goat_test_bot "
BUTTONS = ["💡 Why", "👎 Wrong", "🗑 Forget"]
LONG = "\n\n".join(f"Paragraph {number} 🙂 " + "long-words-make-few-pieces " * 11 for number in range(20))


def labels(message: Sent) -> list[str]:
    """Return the labels of the buttons under a message."""
    return [button.text for button in message.buttons]


async def texts(bot: Bot, chat: int) -> list[str]:
    """Return what the bot's messages say at the end, strays included."""
    await bot.idle()
    return [message.text for message in bot.api.answers(chat)]


async def turns(bot: Bot, owner: str) -> list[Episode]:
    """Return what is archived of an owner, oldest first."""
    return [episode async for episode in bot.context.agent.layers.episodes.all(owner=owner)]


async def everything_in_redis(bot: Bot) -> bytes:
    """Return all keys and values there are."""
    client = await bot.context.agent.layers.redis.client()
    found = [key async for key in client.scan_iter(count=1000)]
    dumps = [await value_of(client, key) for key in found]
    return b"\n".join([*found, *dumps])


async def value_of(client: Any, key: bytes) -> bytes:
    kind = (await client.type(key)).decode()
    readers: dict[str, Callable[[], Any]] = {
        "string": lambda: client.get(key),
        "list": lambda: client.lrange(key, 0, -1),
        "hash": lambda: client.hgetall(key),
        "set": lambda: client.smembers(key),
        "zset": lambda: client.zrange(key, 0, -1),
        "stream": lambda: client.xrange(key),
    }
    return repr(await readers[kind]()).encode()


@pytest_asyncio.fixture(loop_scope="session")
async def group(bot: Bot) -> Bot:
    """The bot, let into a group where Bob is."""
    await bot.context.access.allow_group(GROUP)
    return bot


# Streaming


async def test_drafts_while_the_model_writes_then_one_message(bot: Bot, model: ModelServer) -> None:
    model.reply("one two three four five six seven eight nine ten")
    model.hold_before = "three"
    bot.api.says(BOB, "count")
    await bot.until(lambda: bot.api.drafts(BOB))
    model.hold_before = "ten"
    await bot.until(lambda: len(bot.api.drafts(BOB)) >= 2)
    model.hold_before = ""
    await bot.answers(BOB)
    drafts = bot.api.drafts(BOB)
    assert len({draft.draft_id for draft in drafts}) == 1
    assert [len(d.text) for d in drafts] == sorted(len(d.text) for d in drafts)
    assert await texts(bot, BOB) == ["one two three four five six seven eight nine ten"]
    assert not bot.api.answers(BOB)[0].edits
    assert not bot.api.calls("edit*")


async def test_a_group_sees_typing_until_the_answer_is_sent(
    group: Bot, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.telegram.turns.turn_presenter._ACTING_SECONDS", 0.05)
    model.reply("one two three four five six seven eight nine ten")
    model.hold_before = "ten"
    group.api.says(GROUP, MENTION + "count", user_id=BOB)
    await group.until(lambda: len(group.api.calls("sendChatAction")) >= 3)
    model.hold_before = ""
    (answer,) = await group.answers(GROUP)
    assert answer.text.endswith("ten")
    assert not answer.edits
    assert not group.api.drafts(GROUP)
    assert answer.reply_to is not None


@pytest.mark.parametrize("refusal", [(400, "TEXTDRAFT_PEER_INVALID"), (404, "Not Found: method not found")])
async def test_refused_drafts_give_way_to_typing(
    bot: Bot, model: ModelServer, refusal: tuple[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.telegram.turns.turn_presenter._ACTING_SECONDS", 0.05)
    bot.api.fail("sendMessageDraft", refusal[0], description=refusal[1], probability=1.0)
    model.reply("one two three four five six seven eight nine ten")
    model.hold_before = "three"
    bot.api.says(BOB, "count")
    await bot.until(lambda: bot.api.calls("sendMessageDraft"))
    before = len(bot.api.calls("sendChatAction"))
    await bot.until(lambda: len(bot.api.calls("sendChatAction")) >= before + 3)
    model.hold_before = ""
    (answer,) = await bot.answers(BOB)
    assert answer.text.endswith("ten")
    assert len(bot.api.calls("sendMessageDraft")) == 1


@pytest.mark.parametrize("method", ["sendMessageDraft", "sendChatAction"])
async def test_a_hanging_frame_does_not_hold_up_the_answer(
    bot: Bot, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(bot.context.bot.request._client, "timeout", httpx.Timeout(None))  # type: ignore[attr-defined]
    bot.api.delay(method, 10**6)
    bot.api.says(BOB, "count")
    await bot.answers(BOB)


async def test_a_flooded_chat_drops_frames_and_holds_up_no_other(bot: Bot, model: ModelServer) -> None:
    bot.api.fail("sendMessage", 429, retry_after=1, chat=BOB, probability=1.0)
    bot.api.says(BOB, "I am flooded")
    await bot.until(lambda: bot.api.calls("sendMessage"))
    assert "am not" in await bot.ask_beside(ANA, "I am not")
    assert not bot.api.answers(BOB)
    bot.api.clear_faults()
    await bot.answers(BOB)
    tried = [call.at for call in bot.api.calls("sendMessage") if call.parameters["chat_id"] == BOB]
    assert all(later - earlier >= 1 for earlier, later in pairwise(tried))


async def test_many_answers_in_a_group_stay_below_its_limit(group: Bot, model: ModelServer) -> None:
    group.api.flood(group_per_minute=20)
    model.reply("one two three four five six")
    for number in range(4):
        await group.ask(GROUP, f"{MENTION}question {number}", user_id=BOB)
    assert not [call for call in group.api.calls() if call.status == 429]


async def test_a_stop_ends_the_answer_and_keeps_what_was_said(bot: Bot, model: ModelServer) -> None:
    model.reply("one two three four five six seven eight nine ten")
    model.hold_before = "five"
    bot.api.says(BOB, "count")
    await bot.until(lambda: [draft for draft in bot.api.drafts(BOB) if "four" in draft.text])
    bot.api.says(BOB, "/help")
    await bot.until(lambda: bot.api.answers(BOB))
    assert "/retry" in bot.api.answers(BOB)[0].text
    bot.api.says(BOB, "/stop")
    _, answer = await bot.answers(BOB, 2)
    assert answer.text.split("\n\n") == ["one two three four", "(Stopped, as you asked.)"]
    (turn,) = await turns(bot, f"telegram-{BOB}")
    assert turn.reply.strip() == "one two three four"
    model.hold_before = ""
    assert "nothing to stop" in await bot.ask(BOB, "/stop")


# Whatever goes wrong, the answer stands once


def spoil(api: BotApi, method: str, fault: str) -> None:
    kind, _, what = fault.partition(" ")
    if kind == "drop":
        api.drop(method, what)
    elif what == "429":
        api.fail(method, 429, retry_after=1)
    else:
        api.fail(method, int(what[:3]), html="html" in what)


@pytest.mark.parametrize(
    ("method", "fault"),
    [
        ("sendMessage", "drop before"),
        ("sendMessage", "drop after"),
        ("sendMessage", "fail 429"),
        ("sendMessage", "fail 502 html"),
        ("sendMessageDraft", "fail 429"),
        ("sendChatAction", "fail 500"),
    ],
)
async def test_the_answer_stands_once_when_a_call_goes_wrong(
    bot: Bot, model: ModelServer, method: str, fault: str
) -> None:
    model.reply("The answer")
    spoil(bot.api, method, fault)
    await bot.ask(BOB, "question")
    (answer,) = await bot.answers(BOB)
    assert answer.text == "The answer"
    assert (answer.edits, labels(answer)) == ([], BUTTONS)
    assert len(model.chats) == 1


@pytest.mark.parametrize("probe", ["fail 429", "fail 500", "drop before", "drop after"])
async def test_a_lost_reply_is_looked_for_when_the_search_goes_wrong_too(
    bot: Bot, model: ModelServer, probe: str
) -> None:
    await bot.ask(ANA, "others write meanwhile")
    model.reply("The answer")
    spoil(bot.api, "sendMessage", "drop after")
    spoil(bot.api, "editMessageReplyMarkup", probe)
    await bot.ask(BOB, "question")
    assert [(one.text, labels(one)) for one in await bot.answers(BOB)] == [("The answer", BUTTONS)]


async def test_the_search_for_a_lost_answer_ends_where_the_chat_refuses_every_edit(
    bot: Bot, model: ModelServer
) -> None:
    model.reply("The answer")
    spoil(bot.api, "sendMessage", "drop before")
    bot.api.fail("editMessageReplyMarkup", 400, probability=1.0, description="Bad Request: TOPIC_CLOSED")
    assert await bot.ask(BOB, "question") == "The answer"


async def test_a_lost_question_keeps_its_buttons(bot: Bot) -> None:
    spoil(bot.api, "sendMessage", "drop after")
    await bot.ask(BOB, "/forget everything")
    (question,) = await bot.answers(BOB)
    assert len(question.buttons) == 2


async def test_an_answer_of_another_topic_is_not_taken_for_a_lost_one(group: Bot, model: ModelServer) -> None:
    """Its id follows too, and its process may not have recorded it yet."""
    update_id = group.api.says(GROUP, MENTION + "question", user_id=BOB).update_id or 0
    (shown,) = await group.answers(GROUP)
    place, records = Place(GROUP, 0, private=False), group.context.records
    await (await group.context.agent.layers.redis.client()).delete(group.context.keys("latest", 0))
    await records.note_sending(1, place, shown.message_id - 1, "another")
    await forget_record(group, update_id, GROUP, shown.message_id)
    answer = await group.context.outbox.answer(place, 1, shown.message_id - 1)
    say = partial(group.context.texts, "en")
    await answer.finish("Something else", answer_buttons(say))
    assert [(one.text, labels(one)) for one in group.api.answers(GROUP)] == [
        (shown.text, BUTTONS),
        ("Something else", BUTTONS),
    ]


@pytest.mark.parametrize(
    "description", ["can't parse entities: whatever", "message is too long", "something new"]
)
async def test_a_refused_text_loses_no_answer(bot: Bot, model: ModelServer, description: str) -> None:
    model.reply("The **answer**")
    bot.api.fail("sendMessage", 400, description=f"Bad Request: {description}")
    await bot.ask(BOB, "question")
    assert await texts(bot, BOB) == ["The answer"]


async def test_a_text_that_is_always_too_long_is_given_up(bot: Bot) -> None:
    bot.api.fail("sendMessage", 400, description="Bad Request: message is too long", probability=1.0)
    bot.api.says(BOB, "question")
    await bot.idle()
    assert len(bot.api.calls("sendMessage")) < 10
    assert len(await turns(bot, f"telegram-{BOB}")) == 1


async def test_who_blocks_the_bot_is_archived_and_the_lane_goes_on(bot: Bot, model: ModelServer) -> None:
    model.hold_before = "I see"
    bot.api.says(BOB, "first and then I block you")
    await until(lambda: bool(model.chats))
    bot.api.blocks(BOB)
    model.hold_before = ""
    await bot.idle()
    bot.api.blocks(BOB, blocked=False)
    assert "second" in await bot.ask(BOB, "second")
    assert len(await turns(bot, f"telegram-{BOB}")) == 2
    assert not await bot.context.lanes.dead()


async def test_a_bot_that_is_kicked_archives_and_goes_on(group: Bot) -> None:
    group.api.opens_chat(GROUP, user_id=BOB)
    group.api.fail("sendMessage", 403, description="Forbidden: bot was kicked", chat=GROUP)
    group.api.says(GROUP, MENTION + "hello", user_id=BOB)
    await group.idle()
    assert len(await turns(group, f"telegram-group-{-GROUP}")) == 1
    assert "again" in await group.ask(GROUP, MENTION + "again", user_id=BOB)
    assert not await group.context.lanes.dead()


# Long answers


async def test_a_long_answer_comes_in_order_and_shrinks_and_grows_with_edits(
    bot: Bot, model: ModelServer
) -> None:
    model.reply(LONG)
    said = bot.api.says(BOB, "tell me all")
    parts = await bot.answers(BOB)
    assert len(parts) >= 2
    assert all(utf16_length(part.text) <= 4096 for part in parts)
    assert [m.message_id for m in parts] == sorted(m.message_id for m in parts)
    assert "".join("".join(p.text for p in parts).split()) == "".join(LONG.split())
    model.reply("short")
    bot.api.edits(BOB, said.message_id, "tell me little")
    assert await texts(bot, BOB) == ["short"]
    assert bot.api.answers(BOB)[0].message_id == parts[0].message_id
    model.reply("```\n" + "code-line\n" * 2000 + "```")
    bot.api.edits(BOB, said.message_id, "give me code")
    grown = await bot.answers(BOB)
    await bot.idle()
    grown = bot.api.answers(BOB)
    assert len(grown) >= 5
    assert all([entity["type"] for entity in part.entities] == ["pre"] for part in grown)


async def test_spare_messages_go_when_deleting_goes_wrong(bot: Bot, model: ModelServer) -> None:
    model.reply(LONG)
    said = bot.api.says(BOB, "tell me all")
    await bot.answers(BOB)
    spoil(bot.api, "deleteMessage", "drop after")
    model.reply("short")
    bot.api.edits(BOB, said.message_id, "tell me little")
    assert await texts(bot, BOB) == ["short"]


# Edits


async def test_an_edit_is_answered_in_the_place_of_the_old_answer(bot: Bot, model: ModelServer) -> None:
    said = bot.api.says(BOB, "What is 2 + 2?")
    (old,) = await bot.answers(BOB)
    bot.api.edits(BOB, said.message_id, "What is 3 + 3?")
    await bot.idle()
    (new,) = bot.api.answers(BOB)
    assert new.message_id == old.message_id
    assert "3 + 3" in new.text
    first, second = await turns(bot, f"telegram-{BOB}")
    assert first.tags == ("edited",)
    assert second.tags == (f"edit of {first.turn_id}",)
    asked = len(model.chats)
    bot.api.edits(BOB, said.message_id, "What is 3 + 3?")
    await bot.idle()
    assert len(model.chats) == asked


async def test_an_edit_takes_the_earlier_version_out_of_conversation_and_recall(
    bot: Bot, model: ModelServer
) -> None:
    said = bot.api.says(BOB, "The cellar's code is KELLER-1111")
    await bot.answers(BOB)
    bot.api.edits(BOB, said.message_id, "The cellar's code is KELLER-2222")
    await bot.idle()
    assert "1111" not in model.chats[-1].prompt
    assert "replaces an earlier one" in await bot.ask(BOB, "/why")
    await bot.ask(BOB, "And now the attic: what do you need?")
    assert "2222" in model.chats[-1].prompt
    assert "1111" not in model.chats[-1].prompt
    await bot.ask(BOB, "/new")
    await bot.ask(BOB, "What is the cellar's code, KELLER-1111 or KELLER-2222?")
    assert "The cellar's code is KELLER-2222" in model.chats[-1].prompt
    assert "The cellar's code is KELLER-1111" not in model.chats[-1].prompt
    assert "code is KELLER-1111" not in await bot.ask(BOB, "/memory KELLER-1111 code")
    kept = [turn.message for turn in await turns(bot, f"telegram-{BOB}")]
    assert kept[:2] == ["The cellar's code is KELLER-1111", "The cellar's code is KELLER-2222"]


async def test_a_retry_answers_the_last_message_anew(bot: Bot, model: ModelServer) -> None:
    assert "no answer" in await bot.ask(BOB, "/retry")
    model.reply("The first answer")
    said = bot.api.says(BOB, "What is for supper?")
    await bot.answers(BOB, 2)
    model.reply("The second answer")
    assert await bot.ask(BOB, "/retry") == "The second answer"
    assert "The first answer" not in model.chats[-1].prompt
    assert "What is for supper?" in model.chats[-1].prompt
    first, second = await turns(bot, f"telegram-{BOB}")
    assert (first.message, first.tags) == (second.message, ("edited",))
    assert second.tags == (f"edit of {first.turn_id}",)
    model.reply("The third answer")
    bot.api.edits(BOB, said.message_id, "What is for dinner?")
    await bot.idle()
    assert [one.text for one in bot.api.answers(BOB)][1:] == ["The first answer", "The third answer"]
    assert "The second answer" not in model.chats[-1].prompt


async def test_a_retry_that_comes_again_retries_the_same(
    bot: Bot, model: ModelServer, again: Dispatcher
) -> None:
    await bot.ask(BOB, "What is for supper?")
    said = bot.api.says(BOB, "/retry")
    await bot.answers(BOB, 2)
    client = await bot.context.agent.layers.redis.client()
    await client.hdel(bot.context.keys("turn", said.update_id or 0), "sent")
    asked = len(model.chats)
    await redeliver(again, raw_update(bot, said.update_id or 0, said.message_id, "/retry"))
    assert len(model.chats) == asked
    assert len(bot.api.answers(BOB)) == 2


async def test_an_edit_of_what_still_waits_is_answered_last(bot: Bot, model: ModelServer) -> None:
    model.hold_before = "I see"
    bot.api.says(BOB, "the first one takes a while")
    await until(lambda: bool(model.chats))  # before, a second message joins the first one's burst
    said = bot.api.says(BOB, "second")
    bot.api.edits(BOB, said.message_id, "second, but changed")
    await until(lambda: not bot.api.pending)
    model.hold_before = ""
    shown = await bot.answers(BOB, 2)
    assert "changed" in shown[-1].text
    assert len(shown) == 2


async def test_an_edit_of_what_the_bot_never_saw_is_a_message(bot: Bot) -> None:
    user = {"id": BOB, "is_bot": False, "first_name": "Bob"}
    bot.api.opens_chat(BOB)
    message = {"message_id": 900, "date": 1_700_000_000, "edit_date": 1_700_000_100, "from": user}
    bot.api.raw({"edited_message": message | {"chat": {"id": BOB, "type": "private"}, "text": "long ago"}})
    assert "long ago" in (await bot.answers(BOB))[0].text


async def test_an_edit_of_a_command_is_a_message_and_the_reply_stays(bot: Bot) -> None:
    said = bot.api.says(BOB, "/facts")
    (reply,) = await bot.answers(BOB)
    bot.api.edits(BOB, said.message_id, "hello instead")
    shown = await bot.answers(BOB, 2)
    assert shown[0].text == reply.text
    assert "hello instead" in shown[1].text


async def test_a_reaction_to_the_first_part_of_an_edited_answer_is_of_the_new_turn(
    bot: Bot, model: ModelServer
) -> None:
    model.reply(LONG)
    said = bot.api.says(BOB, "tell me all")
    parts = await bot.answers(BOB)
    bot.api.edits(BOB, said.message_id, "tell me all again")
    await bot.idle()
    bot.api.reacts(BOB, parts[0].message_id, "👍")
    await bot.idle()
    (label,) = await bot.context.agent.layers.feedback.all(owner=f"telegram-{BOB}")
    assert label.turn_id == (await turns(bot, f"telegram-{BOB}"))[-1].turn_id


# Quotes


async def test_what_is_replied_to_is_shown_to_the_model_and_not_archived(
    bot: Bot, model: ModelServer
) -> None:
    model.reply("The password of the cellar is swordfish")
    bot.api.says(BOB, "hello")
    (answer,) = await bot.answers(BOB)
    model.reply("ok")
    await bot.ask(BOB, "what did you mean?", reply_to=answer.message_id, quote="swordfish")
    assert "<replied_to>" in model.chats[-1].prompt
    assert "swordfish" in model.chats[-1].prompt
    assert (await turns(bot, f"telegram-{BOB}"))[-1].message == "what did you mean?"


# Groups


async def test_speakers_are_named_and_service_messages_are_not_answered(
    group: Bot, model: ModelServer
) -> None:
    await group.ask(GROUP, MENTION + "hello", user_id=BOB, name="Bob: the Great")
    assert (await turns(group, f"telegram-group-{-GROUP}"))[0].said == "Bob the Great: hello"
    group.api.sends(GROUP, "pinned_message", None, user_id=BOB)
    group.api.sends(BOB, "delete_chat_photo", True)
    await group.idle()
    assert len(model.chats) == 1


async def test_a_bare_mention_is_answered(group: Bot, model: ModelServer) -> None:
    assert "no text" in await group.ask(GROUP, MENTION.strip(), user_id=BOB)
    said = group.api.says(GROUP, "the cellar is flooded", user_id=BOB)
    model.reply("Call a plumber")
    assert await group.ask(GROUP, MENTION.strip(), user_id=BOB, reply_to=said.message_id) == "Call a plumber"
    assert "cellar is flooded" in model.chats[-1].prompt


# Private turns

SECRET = "xyzzy-plugh"


async def test_a_private_turn_leaves_no_trace(bot: Bot, model: ModelServer) -> None:
    await bot.ask(BOB, "hello")
    answer = await bot.ask(BOB, f"/private {SECRET}")
    assert SECRET in answer
    assert "Nothing of this was kept" in answer
    await bot.context.agent.layers.episodes.index(owner=f"telegram-{BOB}")
    assert SECRET.encode() not in await everything_in_redis(bot)
    folder = bot.context.settings.data_folder / "owners"
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert files
    assert not [file for file in files if SECRET.encode() in file.read_bytes()]
    await bot.ask(BOB, "and now?")
    assert SECRET not in model.chats[-1].prompt


async def test_an_edit_of_a_private_message_stays_private_and_in_its_place(bot: Bot) -> None:
    said = bot.api.says(BOB, f"! {SECRET} one")
    (old,) = await bot.answers(BOB)
    bot.api.edits(BOB, said.message_id, f"! {SECRET} two")
    await bot.idle()
    (new,) = bot.api.answers(BOB)
    assert new.message_id == old.message_id
    assert "two" in new.text
    assert SECRET.encode() not in await everything_in_redis(bot)
    assert not await turns(bot, f"telegram-{BOB}")


async def test_a_private_mark_alone_is_explained(bot: Bot, model: ModelServer) -> None:
    for text in ("!", "/private", " ! "):
        assert "/private text" in await bot.ask(BOB, text)
    assert not model.chats


async def test_what_counts_as_marked_private(bot: Bot) -> None:
    cases = {"! x": True, "!x": True, "/private x": True, "！ x": True, "!!!": False, "!!! great": False}
    for text, private in cases.items():
        update = Update.de_json(raw_update(bot, 5, 6, text), None)
        assert isinstance(update.effective_message, Message)
        assert bot.context.read(update.effective_message).private is private, text


async def test_a_private_command_behind_a_mention_is_private(group: Bot) -> None:
    await group.ask(GROUP, f"{MENTION}/private {SECRET}", user_id=BOB)
    assert SECRET.encode() not in await everything_in_redis(group)
    assert not await turns(group, f"telegram-group-{-GROUP}")


# Trouble with the model


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault.status(500, times=9), "Your message is saved"),
        (Fault.empty(), "empty answer"),
    ],
)
async def test_trouble_with_the_model_is_told(bot: Bot, model: ModelServer, fault: Fault, said: str) -> None:
    model.faults.append(fault)
    answer = await bot.ask(BOB, "hello")
    assert said in answer
    assert not any(detail in answer for detail in ("&#", "127.0.0.1", "HTTP", "GOAT_"))
    assert [turn.message for turn in await turns(bot, f"telegram-{BOB}")] == ["hello"]


async def test_an_admin_is_told_what_is_wrong_with_the_model(bot: Bot, model: ModelServer) -> None:
    model.faults.append(Fault.status(500, times=9))
    assert "HTTP 500" in await bot.ask(ANA, "hello")
    model.reply("Half of it is here.")
    model.faults += [Fault.half(), Fault.half()]
    assert "127.0.0.1" in await bot.ask(ANA, "go on")
    assert "127.0.0.1" not in await bot.ask(BOB, "go on")


async def test_a_reply_that_breaks_off_in_code_is_marked_outside_of_it(bot: Bot, model: ModelServer) -> None:
    model.reply("Look:\n```python\nprint(1)\nprint(2)\nprint(3)\n```")
    model.faults.append(Fault.half())
    answer = await bot.ask(BOB, "code please")
    assert answer.endswith(")")
    (message,) = bot.api.answers(BOB)
    assert "italic" in [entity["type"] for entity in message.entities]


async def test_without_a_model_memories_are_shown(bot_settings: Settings, api: BotApi) -> None:
    async with running_bot(bot_settings.model_copy(update={"model": ""}), api) as bot:
        assert "No language model" in await bot.ask(BOB, "/start")
        assert await bot.ask(BOB, "hello there")


async def test_a_page_of_a_gateway_is_no_traceback(bot: Bot, caplog: pytest.LogCaptureFixture) -> None:
    bot.api.fail("getMe", 502, html=True)
    with pytest.raises(NetworkError) as raised:
        await bot.context.bot.get_me()
    assert brief(raised.value) == "Bad Gateway (502)"
    assert not [record for record in caplog.records if record.exc_info]


# Trouble with the memory


async def test_a_message_waits_for_the_archive_and_its_person_is_told_once(
    bot: Bot, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    episodes = bot.context.agent.layers.episodes
    tries: list[str] = []

    async def full(episode: Episode, _: object) -> bool:
        tries.append(episode.turn_id)
        raise TierUnavailable("episodic", "the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(episodes, "append", full)
        bot.api.says(BOB, "hello")
        await until(lambda: len(tries) >= 3)
        told = bot.api.answers(BOB)
        assert ["cannot reach my memory" in message.text for message in told] == [True]
        assert len(bot.api.calls("sendMessage")) == 1
    await bot.idle()
    (answer,) = bot.api.answers(BOB)
    assert "hello" in answer.text
    assert len(model.chats) == 1
    assert len(await turns(bot, f"telegram-{BOB}")) == 1


async def test_an_answer_whose_place_cannot_be_noted_stands_once(
    bot: Bot, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    note, tries = TurnRecords.note_sent, []

    async def down_at_first(records: TurnRecords, *args: Any) -> int:
        tries.append(args)
        if len(tries) < 4:
            raise TierUnavailable("working", "connection refused")
        return await note(records, *args)

    monkeypatch.setattr(TurnRecords, "note_sent", down_at_first)
    assert "hello" in await bot.ask(BOB, "hello")
    await bot.idle()
    assert len(bot.api.answers(BOB)) == 1
    assert len(model.chats) == 1


# Redelivery


@pytest_asyncio.fixture(loop_scope="session")
async def again(bot: Bot) -> Dispatcher:
    """What deals with an update a second time."""
    app = build_application(bot.context.settings)
    await app.initialize()
    add_handlers(app, bot.context)
    return Dispatcher(app, bot.context)


async def forget_record(bot: Bot, update_id: int, chat: int, message_id: int) -> None:
    """Make the bot forget that it sent a message."""
    client, keys = await bot.context.agent.layers.redis.client(), bot.context.keys
    await client.delete(keys("turn", update_id), keys("answer", chat, message_id))


async def redeliver(again: Dispatcher, update: Any, *, first: bool = False) -> None:
    claim = Claim("lane", json.dumps(update).encode(), 1 if first else 2, first, "token", clock() + 60)
    await again(claim)
    await again.app.shutdown()


CUTS: list[tuple[str, ...]] = [(), ("sent",), ("sent", "turn_id", "decisions"), ("sent", "shown", "turn_id")]


@pytest.mark.parametrize("cut", CUTS)
async def test_a_turn_that_comes_again_is_not_done_again(
    bot: Bot, model: ModelServer, again: Dispatcher, cut: tuple[str, ...]
) -> None:
    said = bot.api.says(BOB, "hello")
    update = dict(bot.api.pending).get(said.update_id or 0)
    await bot.answers(BOB)
    key = bot.context.keys("turn", said.update_id or 0)
    if cut:
        await (await bot.context.agent.layers.redis.client()).hdel(key, *cut)
    update = update or raw_update(bot, said.update_id or 0, said.message_id, "hello")
    before = [message.text for message in bot.api.answers(BOB)]
    await redeliver(again, update)
    after = [message.text for message in bot.api.answers(BOB)]
    assert len(model.chats) == 1
    assert set(after) == set(before)
    assert len(after) == len(before) + ("shown" in cut)
    assert len(await turns(bot, f"telegram-{BOB}")) == 1


def raw_update(bot: Bot, update_id: int, message_id: int, text: str) -> dict[str, Any]:
    user = {"id": BOB, "is_bot": False, "first_name": f"User {BOB}", "language_code": "en"}
    message: dict[str, Any] = {"message_id": message_id, "date": int(time.time()), "from": user}
    message |= {"chat": {"id": BOB, "type": "private"}, "text": text}
    if text.startswith("/"):
        length = len(text.split(maxsplit=1)[0])
        message["entities"] = [{"type": "bot_command", "offset": 0, "length": length}]
    return {"update_id": update_id, "message": message}


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("/remember key: value", ()),
        ("/remember key: value", ("sent",)),
        ("/new", ("sent",)),
        ("/export", ("sent",)),
        ("/forget everything", ("sent",)),
    ],
)
async def test_a_command_that_comes_again_sends_nothing_again(
    bot: Bot, again: Dispatcher, text: str, cut: tuple[str, ...]
) -> None:
    await bot.ask(BOB, "hello")
    before = len(bot.api.answers(BOB))
    said = bot.api.says(BOB, text)
    await bot.answers(BOB, before + 1)
    epoch = await bot.context.records.epoch(f"{BOB}:0")
    shown = [(message.message_id, message.text, message.kind) for message in bot.api.answers(BOB)]
    if cut:
        client = await bot.context.agent.layers.redis.client()
        await client.hdel(bot.context.keys("turn", said.update_id or 0), *cut)
    await redeliver(again, raw_update(bot, said.update_id or 0, said.message_id, text))
    assert [(m.message_id, m.text, m.kind) for m in bot.api.answers(BOB)] == shown
    assert await bot.context.records.epoch(f"{BOB}:0") == epoch


async def test_an_answer_that_a_former_version_began_is_written_into_its_placeholder(bot: Bot) -> None:
    said = bot.api.says(BOB, "/facts")
    await bot.answers(BOB)
    placeholder, update_id = bot.api.answers(BOB)[0].message_id, said.update_id or 0
    bot.api.fail("sendMessage", 403, probability=1.0)
    await (await bot.context.agent.layers.redis.client()).hdel(bot.context.keys("turn", update_id), "sent")
    answer = await bot.context.outbox.answer(Place(BOB), update_id, said.message_id)
    await answer.finish("The answer")
    assert [(one.message_id, one.text) for one in bot.api.answers(BOB)] == [(placeholder, "The answer")]


async def test_of_two_processes_that_sent_an_answer_one_takes_its_own_back(bot: Bot) -> None:
    """One was suspended for so long that another took the lane over."""
    outbox, place = bot.context.outbox, Place(BOB)
    bot.api.opens_chat(BOB)
    answers = [await outbox.answer(place, 1) for _ in range(2)]
    for answer in answers:
        await answer.finish("The answer")
    assert [one.text for one in bot.api.answers(BOB)] == ["The answer"]
    assert (await outbox.answer(place, 1)).sent


async def test_the_picture_of_why_stands_once(bot: Bot) -> None:
    await bot.ask(BOB, "Ticket ROSI-421 stands in the cellar")
    await bot.ask(BOB, "/new")
    await bot.ask(BOB, "Where does ROSI-421 stand?")
    spoil(bot.api, "sendPhoto", "drop after")
    await bot.ask(BOB, "/why")
    assert [message.kind for message in bot.api.answers(BOB)][2:] == ["text", "text", "photo"]


@pytest.mark.parametrize(("times", "kind"), [(1, "document"), (2, "text")])
async def test_a_refused_picture_is_a_document_or_a_word(bot: Bot, times: int, kind: str) -> None:
    await bot.ask(BOB, "Ticket ROSI-421 stands in the cellar")
    await bot.ask(BOB, "/new")
    await bot.ask(BOB, "Where does ROSI-421 stand?")
    bot.api.fail("send[PD]*", 400, times=times, description="Bad Request: PHOTO_INVALID_DIMENSIONS")
    await bot.ask(BOB, "/why")
    assert bot.api.answers(BOB)[-1].kind == kind
    if kind == "text":
        assert "refused the picture" in (await texts(bot, BOB))[-1]


async def test_a_huge_answer_is_rendered_off_the_event_loop(
    bot: Bot, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered: list[bool] = []

    def watched(render: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any) -> Any:
            rendered.append(threading.current_thread() is threading.main_thread())
            return render(*args)

        return run

    monkeypatch.setattr("bot.telegram.outbox.outbox.pieces", watched(pieces))
    monkeypatch.setattr("bot.telegram.outbox.outbox.preview", watched(preview))
    model.reply(LONG)
    bot.api.says(BOB, "everything")
    await bot.answers(BOB, 2)
    assert rendered
    assert not any(rendered)
    assert len(rendered) < len(LONG.split()) / 4
