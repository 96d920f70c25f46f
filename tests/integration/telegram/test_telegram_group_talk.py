"""What people in a group say to each other: remembered where an admin wants it, and never answered."""

import time
from types import SimpleNamespace

import pytest
import pytest_asyncio
from telegram import User

from bot.telegram.access.access import MINUTE, Access
from memory.models import SUPERSEDED, Episode
from memory.provenance import Carrier, Part, Speaker
from tests.servers.model import ModelServer
from tests.telegram_bot import ANA, BOB, EVE, Bot

pytestmark = pytest.mark.asyncio(loop_scope="session")

GROUP, MENTION, OWNER = -1001, "@goat_test_bot ", "telegram-group-1001"
TRIP = "The trip ROSI-421 is on Friday"


@pytest_asyncio.fixture(loop_scope="session")
async def group(bot: Bot) -> Bot:
    """A group that the bot may answer in; Eve, who may not use it, writes as Dan."""
    await bot.context.access.allow_group(GROUP)
    bot.api.opens_chat(GROUP, user_id=EVE, name="Dan")
    return bot


@pytest_asyncio.fixture(loop_scope="session")
async def listening(group: Bot) -> Bot:
    """Such a group, with its talk remembered."""
    assert "From now on I remember" in await group.ask(GROUP, "/listen on", user_id=ANA)
    return group


async def archived(bot: Bot, owner: str = OWNER) -> list[Episode]:
    await bot.idle()
    return [episode async for episode in bot.context.agent.layers.episodes.all(owner=owner)]


async def test_talk_is_remembered_only_after_an_admin_said_so(group: Bot, model: ModelServer) -> None:
    group.api.says(GROUP, TRIP, user_id=EVE)
    assert not await archived(group)
    assert "Only an admin" in await group.ask(GROUP, "/listen on", user_id=BOB)
    assert "/listen on" in await group.ask(GROUP, "/listen", user_id=ANA)
    assert "/listen on" in await group.ask(ANA, "/listen on")
    assert "From now on I remember" in await group.ask(GROUP, "/listen on", user_id=ANA)
    group.api.says(GROUP, TRIP, user_id=EVE)
    assert len(await archived(group)) == 1
    assert "only what is for me" in await group.ask(GROUP, "/listen off", user_id=ANA)
    assert "Nothing changed" in await group.ask(GROUP, "/listen off", user_id=ANA)
    group.api.says(GROUP, "Bring a coat", user_id=EVE)
    assert len(await archived(group)) == 1
    assert not model.chats


async def test_a_group_that_is_denied_is_not_listened_to_when_it_is_allowed_again(listening: Bot) -> None:
    await listening.ask(GROUP, "/deny", user_id=ANA)
    assert "may not talk in this group" in await listening.ask(GROUP, "/listen on", user_id=ANA)
    await listening.ask(GROUP, "/allow", user_id=ANA)
    listening.api.says(GROUP, TRIP, user_id=EVE)
    assert not await archived(listening)


async def test_whom_telegram_shows_little_is_told_how_to_change_that(
    group: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    blind = User(group.context.me.id, "GOAT", is_bot=True, username=group.context.me.username)
    monkeypatch.setattr(type(group.context), "me", blind)
    assert "/setprivacy" in await group.ask(GROUP, "/listen on", user_id=ANA)


async def test_what_somebody_said_is_theirs_and_found_for_a_question(
    listening: Bot, model: ModelServer
) -> None:
    before = len(listening.api.answers(GROUP))
    listening.api.says(GROUP, TRIP, user_id=EVE)
    origin = {"type": "hidden_user", "date": 1_700_000_000, "sender_user_name": "Zoe"}
    listening.api.says(GROUP, "Trains run late", user_id=EVE, forward_origin=origin)
    said, forwarded = await archived(listening)
    assert len(listening.api.answers(GROUP)) == before
    assert (said.message, said.reply, said.foreign) == ("", "", True)
    assert said.parts == (Part(text=TRIP, carrier=Carrier.GROUP, source="Dan"),)
    (passed_on,) = forwarded.parts
    assert (passed_on.source, passed_on.speaker) == ("Zoe, sent by Dan", Speaker.THIRD_PARTY)
    await listening.ask(GROUP, f"{MENTION}What did Dan say about the trip ROSI-421?", user_id=BOB)
    assert f"group message by Dan: {TRIP}" in model.chats[-1].prompt
    assert len(model.chats) == 1
    await listening.ask(BOB, "What did Dan say about the trip ROSI-421?")
    assert "Friday" not in model.chats[-1].prompt


async def test_what_is_private_or_for_another_bot_is_not_remembered(listening: Bot) -> None:
    for text in ("! just between us", "/start@another_bot", "/roll 6"):
        listening.api.says(GROUP, text, user_id=EVE)
    listening.api.sends(GROUP, "pinned_message", None, user_id=EVE)
    await listening.context.access.deny(EVE)
    listening.api.says(GROUP, "out of the door", user_id=EVE)
    assert not await archived(listening)


async def test_an_edit_supersedes_what_was_said(listening: Bot, model: ModelServer) -> None:
    said = listening.api.says(GROUP, TRIP, user_id=BOB)
    await listening.idle()
    listening.api.edits(GROUP, said.message_id, "The trip ROSI-421 is on Sunday")
    first, second = await archived(listening)
    assert SUPERSEDED in first.tags
    assert second.edit_of == first.turn_id
    await listening.ask(GROUP, f"{MENTION}When is ROSI-421?", user_id=BOB)
    assert "Sunday" in model.chats[-1].prompt
    assert "Friday" not in model.chats[-1].prompt
    listening.api.edits(GROUP, said.message_id, f"{MENTION}Is ROSI-421 on Monday?")
    assert SUPERSEDED in (await archived(listening))[1].tags
    assert "Is ROSI-421 on Monday?" in listening.api.answers(GROUP)[-1].text


async def test_one_message_of_the_talk_or_all_of_it_is_forgotten(listening: Bot) -> None:
    said = [listening.api.says(GROUP, text, user_id=EVE) for text in (TRIP, "Bring a coat")]
    assert len(await archived(listening)) == 2
    for command, text, left in (("/forget", "Forgotten.", 1), ("/forget everything", "Everything is", 0)):
        await listening.ask(GROUP, command, user_id=BOB, reply_to=said[0].message_id)
        listening.api.presses(GROUP, listening.api.answers(GROUP)[-1].message_id, "Yes, forget", user_id=BOB)
        assert len(await archived(listening)) == left
        assert listening.api.answers(GROUP)[-1].text.startswith(text)


async def test_talk_above_the_limit_waits_and_costs_nobody_a_question(
    listening: Bot, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [float(int(time.time()) // MINUTE * MINUTE - 1)]
    monkeypatch.setattr("bot.telegram.access.access.time", SimpleNamespace(time=lambda: clock[0]))
    monkeypatch.setattr(Access, "rate", 2)
    for number in range(2):
        listening.api.says(GROUP, f"talk {number}", user_id=BOB)
    assert len(await archived(listening)) == 2
    await listening.ask(GROUP, f"{MENTION}hello", user_id=BOB)
    listening.api.says(GROUP, "talk 2", user_id=BOB)
    await listening.until(lambda: not listening.api.pending)
    assert len(model.chats) == 1
    clock[0] += MINUTE
    assert [one.said.split()[-1] for one in await archived(listening) if "talk" in one.said] == [*"012"]


async def test_a_strangers_talk_above_the_limit_holds_nobody_up(
    listening: Bot, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = float(int(time.time()) // MINUTE * MINUTE - 1)
    monkeypatch.setattr("bot.telegram.access.access.time", SimpleNamespace(time=lambda: clock))
    monkeypatch.setattr(Access, "rate", 2)
    for number in range(9):
        listening.api.says(GROUP, f"talk {number}", user_id=EVE)
    await listening.ask(GROUP, f"{MENTION}hello", user_id=BOB)
    heard = [one.parts[0].text for one in await archived(listening) if one.foreign]
    assert heard == ["talk 0", "talk 1"]


async def test_an_edited_part_of_a_question_is_no_talk(listening: Bot, model: ModelServer) -> None:
    listening.api.says(GROUP, MENTION + "word " * 810, user_id=BOB)
    rest = listening.api.says(GROUP, "and the end", user_id=BOB)
    await listening.idle()
    listening.api.edits(GROUP, rest.message_id, "and the very end")
    first, second = await archived(listening)
    assert (first.tags, second.edit_of) == ((SUPERSEDED,), first.turn_id)
    assert second.message == first.message.replace("the end", "the very end")
    assert not any(part.carrier is Carrier.GROUP for part in second.parts)
    assert len(model.chats) == 2


async def test_the_choice_moves_with_the_group(listening: Bot) -> None:
    listening.api.migrates(GROUP, GROUP - 1)
    listening.api.says(GROUP - 1, TRIP, user_id=EVE)
    assert len(await archived(listening)) == 1
    assert not await listening.context.access.listens(GROUP)
