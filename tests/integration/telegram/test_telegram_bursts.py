"""Messages that belong together in Telegram: one answer, also after edits and faults."""

import time
from types import SimpleNamespace
from typing import Any

import pytest

from bot.telegram.turn_records import TurnRecords
from memory.errors import TierUnavailable
from memory.models import Episode
from memory.provenance import Carrier, Speaker
from tests.plugins import until
from tests.servers.model import ModelRequest, ModelServer
from tests.telegram_bot import ANA, BOB, Bot

pytestmark = pytest.mark.asyncio(loop_scope="session")

OWNER, GROUP, MENTION = f"telegram-{BOB}", -1001, "@goat_test_bot "
WORDS = "eighteen characters "
FORWARD: dict[str, Any] = {
    "forward_origin": {"type": "hidden_user", "date": 1_700_000_000, "sender_user_name": "Dan"}
}


@pytest.fixture(autouse=True)
def _all_arrives(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make each pause last until all that was written is there, and no longer."""

    async def all_is_there(_: float) -> None:
        await until(lambda: not bot.api.pending)

    monkeypatch.setattr("bot.telegram.turns.bursts.COMMENT_SECONDS", 1.0)
    monkeypatch.setattr("bot.telegram.turns.bursts.asyncio", SimpleNamespace(sleep=all_is_there))


@pytest.fixture
def words(model: ModelServer) -> ModelServer:
    """A model that answers with the message, which follows after the last fence."""

    def last_words(request: ModelRequest) -> str:
        return request.last.rpartition(">")[2].strip()

    model.reply(last_words)
    return model


async def turns(bot: Bot, owner: str = OWNER) -> list[Episode]:
    await bot.idle()
    return [episode async for episode in bot.context.agent.layers.episodes.all(owner=owner)]


async def texts(bot: Bot, chat: int = BOB) -> list[str]:
    await bot.idle()
    return [answer.text for answer in bot.api.answers(chat)]


async def behind_a_turn(bot: Bot, model: ModelServer, chat: int = BOB, **sender: Any) -> None:
    """Keep the model from answering `first` until `let_go`."""
    model.hold_before = "first"
    bot.api.says(chat, f"{MENTION if chat < 0 else ''}first {WORDS * 20}", **sender)
    await until(lambda: bool(model.chats))


async def let_go(bot: Bot, model: ModelServer) -> None:
    """Let the model answer once the bot has all that was written."""
    await until(lambda: not bot.api.pending)
    model.hold_before = ""
    await bot.idle()


async def test_a_forward_after_a_comment_is_answered_with_it_and_stays_somebody_elses(
    bot: Bot, words: ModelServer
) -> None:
    bot.api.says(BOB, "Is this true?")
    bot.api.says(BOB, "The bridge is closed on Monday", **FORWARD)
    assert await texts(bot) == ["Is this true?"]
    (turn,) = await turns(bot)
    (part,) = turn.parts
    assert (turn.message, turn.speaker) == ("Is this true?", Speaker.OWNER)
    assert (part.text, part.speaker) == ("The bridge is closed on Monday", Speaker.THIRD_PARTY)
    assert (part.carrier, part.source) == (Carrier.FORWARDED, "Dan")
    assert "<attached_text>forwarded from Dan: The bridge" in words.chats[-1].last


async def test_a_text_that_the_app_split_is_one_message(bot: Bot, words: ModelServer) -> None:
    first = (WORDS * 300)[:4096].strip()
    bot.api.says(BOB, first)
    bot.api.says(BOB, "and the end")
    await bot.idle()
    (turn,) = await turns(bot)
    assert turn.message == f"{first}\nand the end"


async def test_the_rest_of_a_split_text_in_a_group_names_no_bot(bot: Bot, words: ModelServer) -> None:
    await bot.context.access.allow_group(GROUP)
    first = MENTION + (WORDS * 300)[:4000]
    bot.api.says(GROUP, first, user_id=BOB)
    bot.api.says(GROUP, "I disagree", user_id=ANA)
    bot.api.says(GROUP, "and the end", user_id=BOB)
    await bot.idle()
    (turn,) = await turns(bot, f"telegram-group-{-GROUP}")
    assert turn.message.endswith("\nand the end")
    assert "disagree" not in turn.said


async def test_what_waits_behind_a_turn_is_answered_together_up_to_a_command(
    bot: Bot, words: ModelServer
) -> None:
    await behind_a_turn(bot, words)
    for text in ("second", "third", "/remember colour: blue", "fourth"):
        bot.api.says(BOB, text)
    await let_go(bot, words)
    assert (await texts(bot))[1:] == ["second\nthird", "Noted: colour", "fourth"]
    assert [turn.message for turn in await turns(bot)][1:] == ["second\nthird", "fourth"]


async def test_in_a_group_only_one_persons_messages_are_answered_together(
    bot: Bot, words: ModelServer
) -> None:
    await bot.context.access.allow_group(GROUP)
    await behind_a_turn(bot, words, GROUP, user_id=ANA)
    for user, text in ((BOB, "second"), (BOB, "third"), (ANA, "fourth"), (BOB, "fifth")):
        bot.api.says(GROUP, MENTION + text, user_id=user)
    bot.api.says(GROUP, "nothing for the bot", user_id=BOB)
    await let_go(bot, words)
    assert (await texts(bot, GROUP))[1:] == ["second\nthird", "fourth", "fifth"]


async def test_a_private_message_is_answered_alone(bot: Bot, words: ModelServer) -> None:
    await behind_a_turn(bot, words)
    for text in ("second", "! secret", "third"):
        bot.api.says(BOB, text)
    await let_go(bot, words)
    assert [text.split("\n")[0] for text in (await texts(bot))[1:]] == ["second", "secret", "third"]
    assert [turn.message for turn in await turns(bot)][1:] == ["second", "third"]


async def test_the_messages_of_an_outage_are_not_one_thought(bot: Bot, words: ModelServer) -> None:
    await behind_a_turn(bot, words)
    for number in (3, 2, 1):
        bot.api.says(BOB, f"{number} hours ago", date=int(time.time()) - 3600 * number)
    await let_go(bot, words)
    assert (await texts(bot))[1:] == ["3 hours ago", "2 hours ago", "1 hours ago"]


async def test_what_nothing_can_follow_does_not_wait(
    bot: Bot, words: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: float) -> None:
        raise AssertionError("it waits")

    monkeypatch.setattr("bot.telegram.turns.bursts.asyncio", SimpleNamespace(sleep=refuse))
    assert WORDS.strip() in await bot.ask(BOB, WORDS * 20)
    assert await bot.ask(BOB, "hello", date=int(time.time()) - 60) == "hello"
    (answer,) = bot.api.answers(BOB)[1:]
    assert await bot.ask(BOB, "hello again", reply_to=answer.message_id) == "hello again"
    assert not await bot.context.lanes.dead()


async def test_an_edit_of_one_part_supersedes_the_turn_with_all_parts(bot: Bot, words: ModelServer) -> None:
    await behind_a_turn(bot, words)
    said = [bot.api.says(BOB, text) for text in ("second", "third", "fourth")]
    await let_go(bot, words)
    for part, text in ((1, "THIRD"), (2, "FOURTH"), (0, "SECOND")):
        bot.api.edits(BOB, said[part].message_id, text)
        await bot.idle()
    assert (await texts(bot))[1:] == ["SECOND\nTHIRD\nFOURTH"]
    versions = (await turns(bot))[1:]
    assert [turn.message for turn in versions][1:] == [
        "second\nTHIRD\nfourth",
        "second\nTHIRD\nFOURTH",
        "SECOND\nTHIRD\nFOURTH",
    ]
    assert ["edited" in turn.tags for turn in versions] == [True, True, True, False]
    assert await bot.ask(BOB, "/retry") == "SECOND\nTHIRD\nFOURTH"


async def test_any_part_leads_to_the_turn_for_forget_and_nothing_of_it_stays(
    bot: Bot, words: ModelServer
) -> None:
    await behind_a_turn(bot, words)
    said = [bot.api.says(BOB, text) for text in ("the code is plum", "and the alarm's 0815")]
    await let_go(bot, words)
    assert "plum" in await bot.ask(BOB, "/forget", reply_to=said[1].message_id)
    bot.api.presses(BOB, bot.api.answers(BOB)[-1].message_id, "Yes, forget")
    await bot.until(lambda: bot.api.answers(BOB)[-1].text.startswith("Forgotten."))
    await bot.idle()
    assert [turn.message.split()[0] for turn in await turns(bot)] == ["first"]
    client = await bot.context.agent.layers.redis.client()
    records = [await client.hgetall(key) async for key in client.scan_iter(bot.context.keys("turn", "*"))]
    assert records
    assert b"plum" not in repr(records).encode()


async def test_a_burst_that_is_tried_again_has_the_same_messages(
    bot: Bot, words: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark, tries = TurnRecords.mark_sent, list[int]()

    async def down_at_first(records: TurnRecords, update_id: int) -> None:
        tries.append(update_id)
        if len(tries) == 2:
            bot.api.says(BOB, "fourth")
            await until(lambda: not bot.api.pending)
            raise TierUnavailable("working", "connection refused")
        await mark(records, update_id)

    monkeypatch.setattr(TurnRecords, "mark_sent", down_at_first)
    await behind_a_turn(bot, words)
    for text in ("second", "third"):
        bot.api.says(BOB, text)
    await let_go(bot, words)
    assert (await texts(bot))[1:] == ["second\nthird", "fourth"]
    assert [turn.message for turn in await turns(bot)][1:] == ["second\nthird", "fourth"]
    assert len(words.chats) == 3


async def test_when_a_burst_is_given_up_what_followed_is_answered(
    bot: Bot, words: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.telegram.process.workers.MOST_TRIES", 1)
    stream = bot.context.agent.stream

    def broken(text: str, **options: Any) -> Any:
        if "second" in text:
            raise ValueError("broken")
        return stream(text, **options)

    monkeypatch.setattr(bot.context.agent, "stream", broken)
    await behind_a_turn(bot, words)
    for text in ("second", "third"):
        bot.api.says(BOB, text)
    await let_go(bot, words)
    shown = await texts(bot)
    assert "could not answer this message" in shown[1]
    assert shown[2] == "third"
    await bot.context.lanes.drop_dead()
