"""Reminders in Telegram: set in words, shown once, moved, ended and offered."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.reminder_desk import ReminderDesk
from bot.telegram.inbox.lanes import Claim, clock
from bot.telegram.process.application import build_application
from bot.telegram.process.notice_handlers import FIRST_RING, move_reminders
from bot.telegram.process.workers import Dispatcher
from memory.reminders.reminder import Origin, Reminder
from tests.servers.model import ModelServer
from tests.servers.telegram import Message
from tests.telegram_bot import ANA, BOB, Bot

pytestmark = pytest.mark.asyncio(loop_scope="session")

GROUP, LATER = -1001, -1_000_000_009_001
OWNER = f"telegram-{BOB}"
SECOND = timedelta(seconds=1)


async def reminders(bot: Bot, owner: str = OWNER) -> list[Reminder]:
    return await bot.context.agent.layers.reminders.of(owner)


async def at(bot: Bot, moment: datetime) -> int:
    """Let a moment come; return how many reminders were due."""
    moved = await move_reminders(bot.context, moment)
    await bot.idle()
    return moved


async def last(bot: Bot, chat: int = BOB) -> Message:
    await bot.idle()
    return bot.api.answers(chat)[-1]


def press(bot: Bot, message: Message, number: int = 0) -> None:
    bot.api.presses(message.chat_id, message.message_id, message.buttons[number].text)


async def test_one_is_set_without_the_model_and_comes_once_as_a_reply(bot: Bot, model: ModelServer) -> None:
    _, asked = bot.api.says(BOB, "Please remind me in 3 hours to call the notary")
    said = await last(bot)
    (reminder,) = await reminders(bot)
    assert not model.chats
    assert said.text.startswith("⏰ I will remind you: call the notary\n")
    assert f"{reminder.schedule.at:%Y-%m-%d %H:%M} (UTC)" in said.text
    assert await at(bot, reminder.schedule.at - SECOND) == 0
    assert len(bot.api.answers(BOB)) == 1
    assert await at(bot, reminder.schedule.at) == 1
    rung = await last(bot)
    assert rung.text == "⏰ call the notary"
    assert rung.reply_to == asked
    assert await at(bot, reminder.schedule.at + timedelta(days=9)) == 0
    assert len(bot.api.answers(BOB)) == 2
    assert await reminders(bot) == []


async def test_one_that_two_processes_find_due_comes_once(bot: Bot) -> None:
    await bot.ask(BOB, "remind me in 3 hours to swim")
    (reminder,) = await reminders(bot)
    held = await bot.context.agent.layers.reminders.due(reminder.origin.box, reminder.schedule.at)
    assert await at(bot, reminder.schedule.at) == 1
    await bot.context.lanes.put([])
    client = await bot.context.agent.layers.redis.client()
    whose = [key async for key in client.scan_iter(match="goat:{reminders}:of:*")]
    assert whose == []
    assert not await bot.context.agent.layers.reminders.advance(held[0], reminder.schedule.at)
    number = FIRST_RING + reminder.ring
    stored = {"id": reminder.id, "owner": OWNER, "ring": reminder.ring, "due": "2026-01-01T00:00:00+00:00"}
    raw = b"  " + json.dumps({"update_id": number, "reminder": {"goat": stored}}).encode()
    app = build_application(bot.context.settings)
    await Dispatcher(app, bot.context)(Claim(f"{BOB}:0", raw, 2, False, "t", clock() + 9))
    assert [message.text for message in bot.api.answers(BOB)][1:] == ["⏰ swim"]


async def test_a_late_one_says_so_and_a_repeated_one_goes_on(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bot.ask(BOB, "amintește-mi în fiecare zi la 8 să iau pastila", language="ro")
    (reminder,) = await reminders(bot)
    client = await bot.context.agent.layers.redis.client()
    (key,) = [key async for key in client.scan_iter(match="goat:{reminders}:of:*")]
    past = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
    fields = json.loads(reminder.to_json())
    fields["schedule"] |= {"at": past.isoformat(), "first": past.replace(tzinfo=None).isoformat()}
    await client.hset(key, reminder.id, json.dumps(fields))
    (due,) = [key async for key in client.scan_iter(match="goat:{reminders}:due:*")]
    members: list[Any] = await client.zrange(due, 0, -1)
    await client.zadd(due, {member: past.timestamp() * 1000 for member in members})
    await bot.until(lambda: len(bot.api.answers(BOB)) >= 2)
    text = (await last(bot)).text
    assert text.startswith("⏰ să iau pastila\n\nCu întârziere: era pentru ")
    assert f"{past:%Y-%m-%d %H:%M}" in text
    await bot.idle()
    (again,) = await reminders(bot)
    assert again.schedule.at > datetime.now(UTC)
    assert len(bot.api.answers(BOB)) == 2


async def test_the_memory_that_belongs_to_it_is_shown(bot: Bot) -> None:
    await bot.ask(BOB, "The notary Popescu has his office in Unirii street, the notary is on floor 3.")
    await bot.context.agent.layers.episodes.index(owner=OWNER)
    await bot.ask(BOB, "remind me in 3 hours to call the notary Popescu in Unirii street")
    (reminder,) = await reminders(bot)
    await at(bot, reminder.schedule.at)
    text = (await last(bot)).text
    assert text.startswith("⏰ call the notary Popescu")
    assert "What I remember of it:" in text
    assert "floor 3" in text


async def test_they_are_listed_moved_and_ended(bot: Bot) -> None:
    assert "There are no reminders" in await bot.ask(BOB, "/reminders")
    await bot.ask(BOB, "remind me in 3 hours to swim")
    await bot.ask(BOB, "remind me every weekday at 8 to run")
    assert "every weekday: run" in await bot.ask(BOB, "/reminders")
    assert "on 2099" not in await bot.ask(BOB, "/reminders 1 on 3 March 2099 at 10:00")
    (run, swim) = await reminders(bot)
    assert (run.text, f"{swim.schedule.at:%Y-%m-%d %H:%M}") == ("run", "2099-03-03 10:00")
    assert "2099-03-02 09:30, every weekday" in await bot.ask(BOB, "/reminders 2 on 2 March 2099 at 9:30")
    assert "no time to come in yesterday" in await bot.ask(BOB, "/reminders 1 yesterday")
    assert "There is no reminder 7" in await bot.ask(BOB, "/reminders 7 end")
    assert "moves number 2" in await bot.ask(BOB, "/reminders what")
    assert "Reminder ended: swim" in await bot.ask(BOB, "/reminders 1 end")
    await bot.ask(BOB, "/reminders")
    press(bot, await last(bot))
    await bot.idle()
    assert await reminders(bot) == []
    assert await reminders(bot, f"telegram-{ANA}") == []


async def test_the_zone_is_that_of_the_persons_fact(bot: Bot) -> None:
    await bot.ask(BOB, "/remember timezone: America/New_York")
    assert "(America/New_York)" in await bot.ask(BOB, "remind me tomorrow at 9 to swim")
    (reminder,) = await reminders(bot)
    assert reminder.schedule.local.hour == 9
    assert reminder.schedule.at.hour in (13, 14)
    await bot.ask(BOB, "/remember timezone: somewhere")
    assert "(UTC)" in await bot.ask(BOB, "remind me tomorrow at 10 to run")


async def test_one_message_sets_several(bot: Bot) -> None:
    text = await bot.ask(BOB, "remind me in 3 hours to swim\nremind me in 4 hours to run")
    assert [one.text for one in await reminders(bot)] == ["swim", "run"]
    assert text.index("swim") < text.index("run")
    press(bot, await last(bot), 1)
    await bot.idle()
    assert [one.text for one in await reminders(bot)] == ["swim"]


async def test_undo_ends_it_and_closes_the_answer(bot: Bot) -> None:
    await bot.ask(BOB, "remind me in 3 hours to swim")
    said = await last(bot)
    press(bot, said)
    await bot.until(lambda: bot.api.answers(BOB)[-1].text == "✖️ Reminder ended: swim")
    assert await reminders(bot) == []
    (again,) = bot.api.answers(BOB)
    assert not again.buttons


async def test_an_edit_replaces_the_reminder_and_the_same_update_sets_it_once(bot: Bot) -> None:
    _, asked = bot.api.says(BOB, "remind me in 3 hours to swim")
    await bot.answers(BOB)
    bot.api.edits(BOB, asked, "remind me in 4 hours to run")
    await bot.until(lambda: "run" in bot.api.answers(BOB)[-1].text)
    assert [one.text for one in await reminders(bot)] == ["run"]
    bot.api.edits(BOB, asked, "Never mind.")
    await bot.until(lambda: "remind" not in bot.api.answers(BOB)[-1].text)
    await bot.idle()
    assert await reminders(bot) == []


async def test_a_message_that_asks_more_is_answered_by_the_model_as_well(
    bot: Bot, model: ModelServer
) -> None:
    model.reply("It is Lima.")
    text = await bot.ask(BOB, "Remind me in 3 hours to swim. And what is the capital of Peru?")
    assert text.startswith("It is Lima.\n\n⏰ I will remind you: swim")
    press(bot, await last(bot))
    await bot.idle()
    assert await reminders(bot) == []
    assert (await last(bot)).text == text, "the answer stays"
    assert "When shall I remind you?" in await bot.ask(BOB, "remind me to swim")


async def test_an_hour_that_is_over_in_the_bots_zone_is_to_come_in_the_persons(bot: Bot) -> None:
    await bot.ask(BOB, "/remember timezone: America/New_York")
    evening = datetime(2100, 1, 5, 23, tzinfo=UTC)
    about: dict[str, Any] = {"owner": OWNER, "at": evening, "origin": Origin(box="box", turn_id="turn")}
    desk = ReminderDesk(bot.context.agent.layers)
    (set_one,) = await desk.take("remind me today at 22:30 to swim", **about)
    offered = await desk.offer("my exam is today at 22:30", **about)
    assert set_one.reminder is not None
    assert offered is not None
    assert set_one.reminder.schedule.at == datetime(2100, 1, 6, 3, 30, tzinfo=UTC)
    assert offered.schedule.at == datetime(2100, 1, 6, 1, 30, tzinfo=UTC)


async def test_a_retry_leaves_them_as_they_were_and_an_edit_after_it_replaces_them(bot: Bot) -> None:
    _, asked = bot.api.says(BOB, "Remind me in 3 hours to swim. And what is the capital of Peru?")
    await bot.answers(BOB)
    before = await reminders(bot)
    assert "I will remind" not in await bot.ask(BOB, "/retry")
    assert await reminders(bot) == before
    bot.api.edits(BOB, asked, "Remind me in 4 hours to run")
    await bot.idle()
    assert [one.text for one in await reminders(bot)] == ["run"]
    assert "I will remind you: run" in await bot.ask(BOB, "/retry")
    assert [one.text for one in await reminders(bot)] == ["run"]


async def test_a_correction_asks_for_its_own_and_not_again_for_what_was_wrong(bot: Bot) -> None:
    for correction, expected in (("Yes, it is Lima", ["swim"]), ("Remind me in 5 hours to run", ["run"])):
        await bot.ask(BOB, "Remind me in 3 hours to swim. And what is the capital of Peru?")
        before = await reminders(bot)
        wrong = next(one for one in (await last(bot)).buttons if "Wrong" in one.text)
        bot.api.presses(BOB, (await last(bot)).message_id, wrong.text)
        await bot.idle()
        await bot.ask(BOB, correction)
        after = await reminders(bot)
        assert [one.text for one in after] == expected
        assert (after == before) is (expected == ["swim"])
        for one in after:
            await bot.context.agent.layers.reminders.end(one.id, owner=OWNER)


async def test_what_others_said_sets_none(bot: Bot, model: ModelServer) -> None:
    model.reply("Well.")
    words = "remind me in 3 hours to pay Eve"
    bot.api.says(BOB, words, forward_origin={"type": "hidden_user", "date": 1, "sender_user_name": "Eve"})
    await bot.answers(BOB)
    await bot.ask(BOB, f'Eve wrote: "{words}"')
    await bot.ask(BOB, "remind me what I said about Eve")
    assert "I set no reminder" in await bot.ask(BOB, f"! {words}")
    assert await reminders(bot) == []


async def test_an_event_is_offered_by_one_button_once(bot: Bot, model: ModelServer) -> None:
    model.reply("Good luck!")
    soon = datetime.now(UTC) + timedelta(days=40)
    statement = f"My exam is on {soon.day} {soon:%B %Y}."
    await bot.ask(BOB, statement)
    said = await last(bot)
    assert said.text == "Good luck!"
    assert said.buttons[0].text == f"⏰ Remind me: {soon - timedelta(days=1):%a %Y-%m-%d} 18:00"
    assert [button.row for button in said.buttons] == [0, 1, 1, 1]
    await bot.ask(BOB, statement)
    assert not any("Remind" in button.text for button in (await last(bot)).buttons)
    assert await reminders(bot) == []
    for _ in range(2):
        bot.api.presses(BOB, said.message_id, str(said.buttons[0].data), forged=True)
        await bot.idle()
    (reminder,) = await reminders(bot)
    assert reminder.text == statement.rstrip(".")
    first, _second = bot.api.answers(BOB)
    assert first.text == "Good luck!"
    assert first.buttons[0].text.startswith("✖️ Undo: ")
    press(bot, first)
    await bot.idle()
    assert await reminders(bot) == []
    assert await ReminderDesk(bot.context.agent.layers).accept(reminder.id, owner=OWNER) is None


async def test_an_edit_of_an_event_keeps_its_reminder_and_offers_what_was_only_offered_again(
    bot: Bot,
) -> None:
    soon = datetime.now(UTC) + timedelta(days=40)
    statement = f"My exam is on {soon.day} {soon:%B %Y} at the univercity"
    _, asked = bot.api.says(BOB, statement)
    await bot.answers(BOB)
    bot.api.edits(BOB, asked, statement.replace("univercity", "univarsity"))
    await bot.until(lambda: "univarsity" in bot.api.answers(BOB)[-1].text)
    assert (await last(bot)).buttons[0].text.startswith("⏰ Remind me: ")
    press(bot, await last(bot))
    await bot.idle()
    assert len(await reminders(bot)) == 1
    bot.api.edits(BOB, asked, statement.replace("univercity", "university"))
    await bot.until(lambda: "university" in bot.api.answers(BOB)[-1].text)
    assert (await last(bot)).buttons[0].text.startswith("✖️ Undo: ")
    assert [one.text for one in await reminders(bot)] == [statement.replace("univercity", "university")]


async def test_a_group_is_reminded_by_name_also_under_its_new_id(bot: Bot) -> None:
    await bot.context.access.allow_group(GROUP)
    _, asked = bot.api.says(
        GROUP, "@goat_test_bot remind us in 3 hours to vote", user_id=BOB, topic=7, name="Bob"
    )
    await bot.answers(GROUP)
    owner = "telegram-group-1001"
    (reminder,) = await reminders(bot, owner)
    assert await reminders(bot) == []
    await at(bot, reminder.schedule.at)
    rung = await last(bot, GROUP)
    assert rung.text == "⏰ Bob asked me to remind you: vote"
    assert (rung.reply_to, rung.topic) == (asked, 7)
    await bot.ask(GROUP, "@goat_test_bot remind us in 4 hours to sing", user_id=BOB)
    bot.api.opens_chat(LATER, user_id=BOB)
    await bot.context.access.migrate_group(GROUP, LATER)
    (reminder,) = await reminders(bot, owner)
    await at(bot, reminder.schedule.at)
    assert (await last(bot, LATER)).text.endswith("sing")


async def test_who_lost_access_or_forgot_everything_is_not_reminded(bot: Bot) -> None:
    await bot.ask(BOB, "remind me in 3 hours to swim")
    await bot.ask(BOB, "remind me in 3 hours to run")
    run = next(one for one in await reminders(bot) if one.text == "run")
    await bot.context.access.deny(BOB)
    await at(bot, run.schedule.at + timedelta(hours=1))
    assert len(bot.api.answers(BOB)) == 2
    await bot.context.access.allow(BOB)
    await bot.ask(BOB, "remind me in 3 hours to read")
    bot.api.says(BOB, "/forget everything")
    question = (await bot.answers(BOB, 4))[-1]
    bot.api.presses(BOB, question.message_id, "Yes, forget")
    await bot.until(lambda: "Everything is forgotten" in bot.api.answers(BOB)[-1].text)
    assert await reminders(bot) == []
    assert await at(bot, datetime.now(UTC) + timedelta(days=1)) == 0
