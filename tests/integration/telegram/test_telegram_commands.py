"""Commands, buttons and reactions in Telegram."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.exports.owner_import import OwnerImport, open_export
from graph.explain.explanation import Explanation, explain
from graph.state.turn_state import State
from memory.models import Episode
from tests.disk import found
from tests.servers.model import ModelServer
from tests.servers.telegram import Message
from tests.telegram_bot import ANA, BOB, EVE, Bot

pytestmark = pytest.mark.asyncio(loop_scope="session")

GROUP = -1001
OWNER = f"telegram-{BOB}"


async def last(bot: Bot, chat: int) -> Message:
    """Return what the bot said last."""
    await bot.idle()
    return bot.api.answers(chat)[-1]


async def turns(bot: Bot, owner: str = OWNER) -> list[Episode]:
    return [episode async for episode in bot.context.agent.layers.episodes.all(owner=owner)]


COMMANDS = [
    ("/start", "Hello", "Salut"),
    ("/help", "Commands", "Comenzi"),
    ("/why", "no answer in this conversation", "niciun răspuns"),
    ("/memory", "remember nothing yet", "nu îmi amintesc nimic"),
    ("/memory cellar", "found nothing about cellar", "Nu am găsit nimic despre cellar"),
    ("/facts", "No facts yet", "Încă nu am notat nimic"),
    ("/export", "nothing to export", "Nu am ce exporta"),
    ("/remember", "Write it as", "Scrie"),
    ("/remember sister: Ana", "Noted: sister", "Am notat: sister"),
    ("/forget", "Reply with /forget", "Răspunde cu /forget"),
    ("/forget uncle", "no fact called uncle", "sub numele uncle"),
    ("/stats", "Numbers", "Cifre"),
    ("/new", "A new conversation", "O conversație nouă"),
    ("/private", "Write it as", "Scrie"),
    ("/nonsense", "I do not know /nonsense", "Nu cunosc /nonsense"),
]


async def test_every_command_answers_in_both_languages(bot: Bot, model: ModelServer) -> None:
    for command, english, romanian in COMMANDS:
        assert english in await bot.ask(BOB, command)
        assert romanian in await bot.ask(ANA, command, language="ro")
    assert not model.chats


async def test_no_byte_stays_of_what_is_forgotten_or_private(bot: Bot, model: ModelServer) -> None:
    folder, said = bot.context.settings.data_folder, "xylophonicbobștefan"
    await bot.ask(BOB, f"My {said} is red.")
    for chat in (BOB, ANA):
        update = {"update_id": 1, "message": {"text": f"{said} {chat}", "chat": {"id": chat}}}
        record = json.dumps({"at": 1.5, "reason": "it crashed", "tries": 5, "update": json.dumps(update)})
        await (await bot.context.agent.layers.redis.client()).lpush(bot.context.keys("dead"), record)
    await bot.ask(BOB, "/forget everything")
    bot.api.presses(BOB, bot.api.answers(BOB)[-1].message_id, "Yes, forget")
    assert "Everything is forgotten. We start over." in (await last(bot, BOB)).text
    (kept,) = await bot.context.lanes.dead()
    assert str(ANA) in kept["update"]
    await bot.context.lanes.drop_dead()
    await bot.ask(BOB, f"! My {said} is green.")
    async with asyncio.timeout(60):
        while found(folder, said):  # noqa: ASYNC110 - on a disk
            await asyncio.sleep(0.1)


async def test_commands_in_a_topic_of_a_group(bot: Bot, model: ModelServer) -> None:
    await bot.context.access.allow_group(GROUP)
    said = bot.api.says(GROUP, "/facts@goat_test_bot", user_id=BOB, topic=7)
    answer = await last(bot, GROUP)
    assert "No facts yet" in answer.text
    assert (answer.topic, answer.reply_to) == (7, said.message_id)
    bot.api.says(GROUP, "/facts@another_bot", user_id=BOB, topic=7)
    await bot.idle()
    assert len(bot.api.answers(GROUP)) == 1
    await bot.ask(GROUP, "/remember key: under the mat", user_id=BOB, topic=7)
    assert "under the mat" in await bot.ask(GROUP, "/facts", user_id=BOB)


async def test_why_in_a_group_links_to_the_messages_and_has_a_picture(bot: Bot, model: ModelServer) -> None:
    await bot.context.access.allow_group(GROUP)
    supergroup = -1001234567890
    await bot.context.access.allow_group(supergroup)
    mention = "@goat_test_bot "
    said = bot.api.says(supergroup, mention + "Ticket ROSI-421 stands in the cellar", user_id=BOB)
    await bot.idle()
    await bot.ask(supergroup, "/new", user_id=BOB)
    await bot.ask(supergroup, mention + "Where does ROSI-421 stand?", user_id=BOB)
    await bot.ask(supergroup, "/why", user_id=BOB)
    *_, why, picture = bot.api.answers(supergroup)
    links = [entity["url"] for entity in why.entities if entity["type"] == "text_link"]
    assert f"https://t.me/c/1234567890/{said.message_id}" in links
    assert picture.content.startswith(b"\x89PNG")


ODD_FACTS = [
    ("/remember no colon here", "Write it as"),
    ("/remember : value", "Write it as"),
    ("/remember key:", "Write it as"),
    ("/remember key: " + "huge " * 900, "does not fit"),
    ("/remember " + "k" * 201 + ": value", "at most 200"),
    ("/remember **bold** [x](http://e.org): `a` _b_ <i>", "Noted: **bold** [x](http"),
    ("/remember key: first\nsecond: third", "Noted: key"),
]


async def test_odd_facts(bot: Bot) -> None:
    for said, answer in ODD_FACTS:
        assert answer in await bot.ask(BOB, said)
    assert not await bot.context.lanes.dead()


async def test_facts_are_shown_as_they_were_written(bot: Bot) -> None:
    await bot.ask(BOB, "/remember link: [x](http://e.org) **b** @someone")
    shown = await bot.ask(BOB, "/facts")
    assert "link: [x](http://e.org) **b** @someone" in shown
    assert "text_link" not in [entity["type"] for entity in (await last(bot, BOB)).entities]


async def test_one_fact_is_forgotten(bot: Bot) -> None:
    await bot.ask(BOB, "/remember Sister: Maria, in Bucharest")
    await bot.ask(BOB, "/remember Sister: Ana")
    assert "Forget this fact and its earlier values" in await bot.ask(BOB, "/forget sister")
    question = await last(bot, BOB)
    bot.api.presses(BOB, question.message_id, "No, keep")
    assert (await last(bot, BOB)).text == "I deleted nothing."
    await bot.ask(BOB, "/forget SISTER")
    question = await last(bot, BOB)
    bot.api.presses(BOB, question.message_id, "Yes, forget")
    assert (await last(bot, BOB)).text.startswith("Forgotten: Sister\n\nAfterwards, ")
    assert await bot.context.agent.layers.permanent.history("sister", owner=f"telegram-{BOB}") == []
    assert found(bot.context.agent.layers.settings.data_folder, "Maria, in Bucharest") == {}
    assert not question.deleted
    assert not (await last(bot, BOB)).buttons
    assert "No facts" in await bot.ask(BOB, "/facts")


async def test_a_forgotten_fact_leaves_no_byte_of_its_key(bot: Bot) -> None:
    """Neither in the answered question's entry in Redis nor in an open one's."""
    folder = bot.context.agent.layers.settings.data_folder
    await bot.ask(BOB, "/remember Merganser: a boat")
    await bot.ask(BOB, "/forget merganser")
    await bot.ask(BOB, "/forget MERGANSER")
    question = await last(bot, BOB)
    bot.api.presses(BOB, question.message_id, "Yes, forget")
    assert (await last(bot, BOB)).text == "Forgotten: Merganser"
    bot.api.presses(BOB, question.message_id, question.buttons[0].data or "", forged=True)
    assert (await last(bot, BOB)).text == "Forgotten: …"
    client = await bot.context.agent.layers.redis.client()
    kept = [await client.get(key) async for key in client.scan_iter(match=bot.context.keys("forget", "*"))]
    assert len(kept) == 1
    assert b"erganser" not in (kept[0] or b"")
    async with asyncio.timeout(60):
        while found(folder, "Merganser"):  # noqa: ASYNC110 - on a disk
            await asyncio.sleep(0.05)


async def test_a_forgotten_fact_leaves_no_byte_when_its_answer_is_refused_at_first(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = bot.context.agent.layers.settings.data_folder
    await bot.ask(BOB, "/remember Shelduck: a boat")
    await bot.ask(BOB, "/forget shelduck")
    question = await last(bot, BOB)
    monkeypatch.setattr(bot.context.courier, "_patience", 0.0)  # the press is put off at the first refusal
    bot.api.fail("editMessageText", 502)
    bot.api.presses(BOB, question.message_id, "Yes, forget")
    assert (await last(bot, BOB)).text == "Forgotten: …"
    async with asyncio.timeout(60):
        while found(folder, "helduck"):  # noqa: ASYNC110 - on a disk
            await asyncio.sleep(0.05)


async def test_a_message_is_forgotten_by_a_reply_or_a_button_and_what_quotes_it_is_shown(
    bot: Bot, model: ModelServer
) -> None:
    model.reply("Noted.")
    _, message_id = bot.api.says(BOB, "My xylophone is hidden under the third step.")
    await bot.answers(BOB)
    await bot.ask(BOB, "The cellar is flooded.")
    await bot.ask(BOB, "Is the xylophone hidden under the third step?")
    question = await bot.ask(BOB, "/forget", reply_to=message_id)
    assert "My xylophone is hidden" in question
    assert "stay (1):\nIs the xylophone hidden" in question
    asked = await last(bot, BOB)
    bot.api.presses(BOB, asked.message_id, "Yes, forget", EVE)
    bot.api.presses(BOB, asked.message_id, "Yes, forget")
    assert (await last(bot, BOB)).text.startswith("Forgotten.\n\nAfterwards, ")
    assert "My xylophone" not in str(await turns(bot))
    assert "do not remember this" in await bot.ask(BOB, "/forget", reply_to=message_id)
    await bot.ask(BOB, "/memory xylophone")
    listed = await last(bot, BOB)
    bot.api.presses(BOB, listed.message_id, "🗑 1")
    await bot.until(lambda: bot.api.answers(BOB)[-1].message_id != listed.message_id)
    asked = await last(bot, BOB)
    assert "Is the xylophone hidden" in asked.text
    bot.api.presses(BOB, asked.message_id, "Yes, forget")
    assert (await last(bot, BOB)).text.startswith("Forgotten.")
    assert [episode.message for episode in await turns(bot)] == ["The cellar is flooded."]
    bot.api.presses(BOB, listed.message_id, "🗑 1")
    assert "do not remember this" in (await last(bot, BOB)).text


async def test_a_message_that_was_answered_twice_is_forgotten_with_both_answers(
    bot: Bot, model: ModelServer
) -> None:
    _, message_id = bot.api.says(BOB, "The safe opens with 4711.")
    await bot.answers(BOB)
    await bot.ask(BOB, "/retry")
    assert len(await turns(bot)) == 2
    await bot.ask(BOB, "/forget", reply_to=message_id)
    bot.api.presses(BOB, (await last(bot, BOB)).message_id, "Yes, forget")
    assert (await last(bot, BOB)).text.startswith("Forgotten.")
    assert not await turns(bot)


async def test_words_a_time_or_the_conversation_are_shown_and_then_forgotten(
    bot: Bot, model: ModelServer
) -> None:
    model.reply("Noted.")
    for said in ("The walnut tree is ill.", "I bought a walnut table.", "The cellar is flooded."):
        await bot.ask(BOB, said, date=int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()))
    question = await bot.ask(BOB, "/forget walnut")
    assert "(2)" in question
    assert "The walnut tree" in question
    assert "cellar" not in question
    asked = await last(bot, BOB)
    bot.api.presses(BOB, asked.message_id, "🗑 1")
    await bot.until(lambda: bot.api.answers(BOB)[-1].message_id != asked.message_id)
    one = await last(bot, BOB)
    assert "walnut" in one.text
    bot.api.presses(BOB, one.message_id, "No, keep")
    bot.api.presses(BOB, asked.message_id, "Yes, forget", EVE)
    assert len(await turns(bot)) == 3
    bot.api.presses(BOB, asked.message_id, "Yes, forget")
    await bot.idle()
    assert [episode.message for episode in await turns(bot)] == ["The cellar is flooded."]
    assert "no message with these words" in await bot.ask(BOB, "/forget walnut yesterday")
    await bot.ask(BOB, "/new")
    await bot.ask(BOB, "The roof is new.")
    for subject in ("conversation", "2026-03-01"):
        assert "(1)" in await bot.ask(BOB, f"/forget {subject}")
        bot.api.presses(BOB, (await last(bot, BOB)).message_id, "Yes, forget")
        await bot.idle()
    assert not await turns(bot)


async def test_an_edited_message_is_forgotten_with_the_records_of_its_versions(
    bot: Bot, model: ModelServer
) -> None:
    _, asked = bot.api.says(BOB, "The walnut tree is ill.")
    await bot.answers(BOB)
    bot.api.edits(BOB, asked, "The walnut tree is well.")
    await bot.until(lambda: "well" in bot.api.answers(BOB)[-1].text)
    await bot.idle()
    turn_ids = {episode.turn_id async for episode in bot.context.agent.layers.episodes.all(owner=OWNER)}
    assert len(turn_ids) == 2
    assert turn_ids <= await recorded(bot)
    await bot.ask(BOB, "/forget walnut")
    bot.api.presses(BOB, (await last(bot, BOB)).message_id, "Yes, forget")
    await bot.idle()
    assert not turn_ids & await recorded(bot)


async def recorded(bot: Bot) -> set[str]:
    """Return the turns that the bot has records of."""
    client = await bot.context.agent.layers.redis.client()
    keys = [key async for key in client.scan_iter(match=bot.context.keys("turn", "*"))]
    found: list[Any] = [await client.hget(key, "turn_id") for key in keys]
    return {turn_id.decode() for turn_id in found if turn_id}


async def test_everything_is_forgotten_once_pressed_twice(bot: Bot) -> None:
    await bot.ask(BOB, "the cellar is flooded")
    await bot.ask(BOB, "/remember key: value")
    assert "messages: 1" in await bot.ask(BOB, "/forget TOT")
    question = await last(bot, BOB)
    yes = question.buttons[0].data or ""
    bot.api.presses(BOB, question.message_id, yes)
    bot.api.presses(BOB, question.message_id, yes, forged=True)
    bot.api.presses(BOB, question.message_id, question.buttons[1].data or "", forged=True)
    assert (await last(bot, BOB)).text.startswith("Everything is forgotten. We start over.")
    assert not await turns(bot)
    assert "nothing yet" in await bot.ask(BOB, "/memory")
    assert len(bot.api.callback_answers) == 3


async def test_a_question_that_is_too_old(bot: Bot) -> None:
    await bot.ask(BOB, "/remember key: under the mat")
    await bot.ask(BOB, "/forget key")
    question = await last(bot, BOB)
    client = await bot.context.agent.layers.redis.client()
    async for key in client.scan_iter(match="*forget*"):
        await client.delete(key)
    bot.api.presses(BOB, question.message_id, "Yes, forget")
    assert "expired" in (await last(bot, BOB)).text
    assert "under the mat" in await bot.ask(BOB, "/facts")


async def test_only_who_asked_to_forget_in_a_group_is_obeyed(bot: Bot) -> None:
    await bot.context.access.allow_group(GROUP)
    await bot.ask(GROUP, "/remember key: under the mat", user_id=BOB)
    await bot.ask(GROUP, "/forget key", user_id=BOB)
    question = await last(bot, GROUP)
    for user in (ANA, EVE):
        bot.api.presses(GROUP, question.message_id, "Yes, forget", user)
    await bot.idle()
    assert "under the mat" in await bot.ask(GROUP, "/facts", user_id=BOB)


async def test_a_press_when_the_chat_cannot_be_written(bot: Bot) -> None:
    await bot.ask(BOB, "/remember key: value")
    await bot.ask(BOB, "/forget key")
    question = await last(bot, BOB)
    bot.api.fail("editMessageText", 403, description="Forbidden: bot was blocked by the user")
    bot.api.presses(BOB, question.message_id, "Yes, forget")
    await bot.idle()
    assert len([call for call in bot.api.calls("editMessageText") if call.status == 403]) == 1
    assert not await bot.context.lanes.dead()


async def test_an_export_can_be_imported(bot: Bot, tmp_path: Path) -> None:
    await bot.ask(BOB, 'the cellar is flooded\nwith "water" 🙂')
    await bot.ask(BOB, "/remember key: value")
    bot.api.says(BOB, "/export")
    document = await last(bot, BOB)
    assert document.kind == "document"
    assert document.file_name.endswith(".zip")
    assert "Messages: 1, facts: 1" in document.text
    (tmp_path / "export.zip").write_bytes(document.content)
    layers, kept = bot.context.agent.layers, await turns(bot)
    with open_export(tmp_path / "export.zip") as export:
        assert await OwnerImport(layers, export, "elsewhere")() == 1
    brought = [replace(episode, owner=OWNER) async for episode in layers.episodes.all(owner="elsewhere")]
    assert brought == kept
    assert [fact.key for fact in await layers.permanent.facts(owner="elsewhere")] == ["key"]
    await layers.episodes.erase(owner="elsewhere")


async def test_an_export_comes_once(bot: Bot) -> None:
    await bot.ask(BOB, "/remember key: value")
    bot.api.drop("editMessageMedia", "after")
    bot.api.says(BOB, "/export")
    await bot.idle()
    kinds = [message.kind for message in bot.api.answers(BOB)]
    assert kinds == ["text", "document"]


async def test_why_names_hosts_to_an_admin_alone(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    def troubled(state: State) -> Explanation:
        turn = explain(state)
        assert turn is not None
        return replace(turn, problems=["http://letta.test:8283 cannot be reached"])

    monkeypatch.setattr("bot.telegram.commands.why_command.explain", troubled)
    for person, is_admin in ((ANA, True), (BOB, False)):
        await bot.ask(person, "hello")
        assert ("letta.test" in (why := await bot.ask(person, "/why"))) is is_admin
        assert "⚠️" in why


async def test_new_begins_a_new_thread(bot: Bot, model: ModelServer) -> None:
    await bot.ask(BOB, "one")
    await bot.ask(BOB, "/new")
    await bot.ask(BOB, "two")
    first, second = await turns(bot)
    assert first.thread != second.thread


# Reactions


async def test_reactions_are_kept_with_what_was_recalled(bot: Bot) -> None:
    await bot.ask(BOB, "Ticket ROSI-421 stands in the cellar")
    await bot.ask(BOB, "/new")
    await bot.ask(BOB, "Where does ROSI-421 stand?")
    answer = await last(bot, BOB)
    feedback = bot.context.agent.layers.feedback
    bot.api.reacts(BOB, answer.message_id, "👎")
    await bot.idle()
    (label,) = await feedback.all(owner=OWNER)
    assert not label.good
    assert [decision["turn_id"] for decision in json.loads(label.decisions)]
    bot.api.reacts(BOB, answer.message_id, "👍")
    await bot.idle()
    assert [label.good for label in await feedback.all(owner=OWNER)] == [True]
    bot.api.reacts(BOB, answer.message_id, "")
    await bot.idle()
    assert not await feedback.all(owner=OWNER)
    old = bot.api.answers(BOB)[0]
    bot.api.reacts(BOB, old.message_id, "👍")
    await bot.idle()
    (label,) = await feedback.all(owner=OWNER)
    assert label.turn_id == (await turns(bot))[0].turn_id


async def test_reactions_to_parts_and_to_other_messages(bot: Bot, model: ModelServer) -> None:
    model.reply("long-words-make-few-pieces " * 370)
    bot.api.says(BOB, "much")
    first, *_ = await bot.answers(BOB)
    bot.api.reacts(BOB, first.message_id, "👍")
    await bot.ask(BOB, "/help")
    bot.api.reacts(BOB, (await last(bot, BOB)).message_id, "👎")
    await bot.idle()
    assert [label.good for label in await bot.context.agent.layers.feedback.all(owner=OWNER)] == [True]


async def test_what_others_laugh_at_in_a_group_takes_no_thumb_away(bot: Bot) -> None:
    await bot.context.access.allow_group(GROUP)
    await bot.ask(GROUP, "@goat_test_bot hello", user_id=BOB)
    answer = await last(bot, GROUP)
    feedback = bot.context.agent.layers.feedback
    bot.api.reacts(GROUP, answer.message_id, "👍", BOB)
    bot.api.reacts(GROUP, answer.message_id, "🎉", ANA)
    await bot.idle()
    assert len(await feedback.all(owner=f"telegram-group-{-GROUP}")) == 1
    bot.api.reacts(GROUP, answer.message_id, "🎉", BOB)
    await bot.idle()
    assert not await feedback.all(owner=f"telegram-group-{-GROUP}")


async def test_the_greeting_shows_the_name_plainly(bot: Bot) -> None:
    text = await bot.ask(BOB, "/start", name="B_o_b *x*")
    assert "Hello B_o_b *x*!" in text
    assert "code" not in [entity["type"] for entity in (await last(bot, BOB)).entities]
