"""The buttons under an answer: who may press them, what they say and change, and when they are stale."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.telegram.place import Place
from bot.telegram.turns.turn_request import Corrections, WrongTurn
from graph.runtime.turn_removal import TurnRemoval
from memory.errors import TierUnavailable
from memory.models import SUPERSEDED, Episode
from memory.provenance import Speaker
from tests.plugins import until
from tests.servers.model import Fault, ModelServer
from tests.servers.telegram import CallbackAnswer, Message
from tests.telegram_bot import ANA, BOB, Bot

pytestmark = pytest.mark.asyncio(loop_scope="session")

OWNER, GROUP, MENTION = f"telegram-{BOB}", -1001, "@goat_test_bot "
WHY, WRONG, FORGET, NOTHING = "💡 Why", "👎 Wrong", "🗑 Forget", "Nothing to correct"


async def turns(bot: Bot, owner: str = OWNER) -> list[Episode]:
    await bot.idle()
    return [episode async for episode in bot.context.agent.layers.episodes.all(owner=owner)]


async def press(bot: Bot, message: Message, button: str, user: int = BOB) -> CallbackAnswer:
    """Press a button, and return what the person is shown at once."""
    before = len(bot.api.callback_answers)
    bot.api.presses(message.chat_id, message.message_id, button, user_id=user)
    await bot.until(lambda: len(bot.api.callback_answers) > before)
    await bot.idle()
    return bot.api.callback_answers[-1]


async def asked(bot: Bot, text: str, chat: int = BOB, user: int = BOB) -> Message:
    """Ask, and return the message of the answer."""
    await bot.ask(chat, text, user_id=user)
    return bot.api.answers(chat)[-1]


async def test_an_answer_with_buttons_is_one_call_and_private_or_failed_ones_have_none(
    bot: Bot, model: ModelServer
) -> None:
    answer = await asked(bot, "hello")
    assert [button.text for button in answer.buttons] == [WHY, WRONG, FORGET]
    assert not bot.api.calls("edit*")
    assert not (await asked(bot, "! hello")).buttons
    assert not (await asked(bot, "/facts")).buttons
    assert "Under each answer" in await bot.ask(BOB, "/help")
    model.faults.append(Fault.status(500, times=9))
    assert not (await asked(bot, "hello again")).buttons


async def test_without_the_setting_there_are_no_buttons(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot.context.settings, "telegram_buttons", False)
    assert not (await asked(bot, "hello")).buttons
    assert "Under each answer" not in await bot.ask(BOB, "/help")


async def test_the_buttons_stay_with_the_last_part_of_an_edited_answer(bot: Bot, model: ModelServer) -> None:
    model.reply("\n\n".join(["many words " * 60] * 12))
    said = bot.api.says(BOB, "tell me all")
    await bot.answers(BOB)
    for _ in range(2):
        shown = [[button.text for button in answer.buttons] for answer in bot.api.answers(BOB)]
        assert shown == [*[[]] * (len(shown) - 1), [WHY, WRONG, FORGET]]
        model.reply("short")
        bot.api.edits(BOB, said.message_id, "tell me little")
        await bot.idle()
    assert len(bot.api.answers(BOB)) == 1


async def test_why_explains_the_answer_that_it_stands_under(bot: Bot, model: ModelServer) -> None:
    model.reply("Noted.")
    await bot.ask(BOB, "Ticket ROSI-421 stands in the cellar")
    await bot.ask(BOB, "/new")
    first = await asked(bot, "Where does ROSI-421 stand?")
    last = await asked(bot, "And what is the capital of Peru?")
    for answer in (last, first):
        assert (await press(bot, answer, WHY)).text == ""
    texts = [one.text for one in bot.api.answers(BOB) if "What I remembered" in one.text]
    assert len(texts) == 2
    assert "capital of Peru" in texts[0]
    assert "Where does ROSI-421 stand?" in texts[1]
    assert "stands in the cellar" in texts[1]
    assert [one.kind for one in bot.api.answers(BOB)][-1] == "photo"


async def test_a_correction_replaces_the_wrong_answer_and_is_the_owners_words(
    bot: Bot, model: ModelServer
) -> None:
    model.reply("In 1920.")
    answer = await asked(bot, "When was the KELLER-17 mill built?")
    await press(bot, answer, WRONG)
    assert "What is right?" in bot.api.answers(BOB)[-1].text
    (label,) = await bot.context.agent.layers.feedback.all(owner=OWNER)
    assert not label.good
    assert (await bot.ask(BOB, "/facts")).startswith("No facts")
    model.reply("So it was 1921.")
    assert await bot.ask(BOB, "It was built in 1921") == "So it was 1921."
    wrong, right = await turns(bot)
    assert SUPERSEDED in wrong.tags
    assert right.message == "When was the KELLER-17 mill built?\n\nIt was built in 1921"
    assert (right.speaker, right.edit_of, right.parts) == (Speaker.OWNER, wrong.turn_id, ())
    assert "1920" not in model.chats[-1].prompt
    await bot.ask(BOB, "/new")
    await bot.ask(BOB, "When was the KELLER-17 mill built?")
    assert "1921" in model.chats[-1].prompt
    assert "1920" not in model.chats[-1].prompt
    assert "later answer replaced" in (await press(bot, answer, WRONG)).text


@pytest.mark.parametrize("is_edited", [True, False], ids=["edited", "retried"])
async def test_a_question_that_is_answered_anew_in_between_is_corrected(bot: Bot, *, is_edited: bool) -> None:
    said = bot.api.says(BOB, "When was it built?")
    (answer,) = await bot.answers(BOB)
    await press(bot, answer, WRONG)
    if is_edited:
        bot.api.edits(BOB, said.message_id, "When was the mill built?")
        await bot.idle()
    else:
        await bot.ask(BOB, "/retry")
    await bot.ask(BOB, "In 1921")
    question = "When was the mill built?" if is_edited else "When was it built?"
    versions = await turns(bot)
    assert versions[-1].message == f"{question}\n\nIn 1921"
    assert [SUPERSEDED in turn.tags for turn in versions] == [True, True, False]
    await bot.ask(BOB, "Thanks")
    assert [bool(turn.edit_of) for turn in await turns(bot)] == [False, True, True, False]


async def test_an_edited_correction_keeps_what_it_corrects(bot: Bot) -> None:
    await press(bot, await asked(bot, "When was it built?"), WRONG)
    said = bot.api.says(BOB, "In 1921")
    await bot.answers(BOB, 3)
    for text in ("In 1922", "In 1923"):
        bot.api.edits(BOB, said.message_id, text)
        await bot.idle()
    versions = await turns(bot)
    assert [turn.message.split("\n\n") for turn in versions][1:] == [
        ["When was it built?", text] for text in ("In 1921", "In 1922", "In 1923")
    ]
    assert [SUPERSEDED in turn.tags for turn in versions] == [True, True, True, False]
    assert len(bot.api.answers(BOB)) == 3


async def test_an_edited_correction_that_is_tried_again_replaces_the_earlier_version(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    await press(bot, await asked(bot, "When was it built?"), WRONG)
    said = bot.api.says(BOB, "In 1921")
    await bot.answers(BOB, 3)
    supersede, tries = TurnRemoval.supersede, list[str]()

    async def down_at_first(removal: TurnRemoval, turn_id: str, *, owner: str) -> None:
        tries.append(turn_id)
        if len(tries) == 1:
            raise TierUnavailable("working", "connection refused")
        await supersede(removal, turn_id, owner=owner)

    monkeypatch.setattr(TurnRemoval, "supersede", down_at_first)
    bot.api.edits(BOB, said.message_id, "In 1922")
    versions = await turns(bot)
    assert len(tries) == 2
    assert [SUPERSEDED in turn.tags for turn in versions] == [True, True, False]
    assert len([one for one in bot.api.answers(BOB) if "192" in one.text]) == 1


@pytest.mark.parametrize("how", ["button", "/cancel"])
async def test_without_a_correction_the_answer_stays(bot: Bot, how: str) -> None:
    await press(bot, await asked(bot, "When was it built?"), WRONG)
    question = bot.api.answers(BOB)[-1]
    if how == "button":
        await press(bot, question, NOTHING)
        assert "nothing else changes" in bot.api.answers(BOB)[-1].text
        assert "not waiting" in await bot.ask(BOB, "/cancel")
    else:
        assert "nothing else changes" in await bot.ask(BOB, "/cancel")
        alert = await press(bot, question, NOTHING)
        assert ("not waiting" in alert.text, alert.show_alert) == (True, True)
    await bot.ask(BOB, "something else")
    assert [(turn.message, turn.tags) for turn in await turns(bot)] == [
        ("When was it built?", ()),
        ("something else", ()),
    ]


async def test_only_ones_own_words_after_the_question_are_a_correction(bot: Bot, model: ModelServer) -> None:
    model.hold_before = "I see"
    bot.api.says(BOB, f"first {'takes a while ' * 30}")
    await until(lambda: bool(model.chats))
    waiting = bot.api.says(BOB, "written before")
    wrong = await _expect(bot, after=waiting.message_id)
    model.hold_before = ""
    await bot.answers(BOB, 2)
    origin = {"type": "hidden_user", "date": 1_700_000_000, "sender_user_name": "Dan"}
    await bot.ask(BOB, "! secret")
    await bot.ask(BOB, "a forward", forward_origin=origin)
    assert all(not turn.edit_of for turn in await turns(bot))
    await bot.ask(BOB, "this corrects it")
    assert (await turns(bot))[-1].edit_of == wrong


async def _expect(bot: Bot, after: int) -> str:
    """Expect a correction of a turn of Bob's, as if he had pressed; return its id."""
    episode = Episode(turn_id="wrong", owner=OWNER, thread="t", message="?", reply="!", at=datetime.now(UTC))
    await bot.context.agent.layers.episodes.append(episode)
    wrong = WrongTurn(update_id=1, turn_id="wrong", owner=OWNER, after=after)
    await Corrections(bot.context).expect(Place(BOB), BOB, wrong, 1)
    return "wrong"


async def test_in_a_group_only_who_asked_may_press(bot: Bot, model: ModelServer) -> None:
    await bot.context.access.allow_group(GROUP)
    answer = await asked(bot, MENTION + "When was it built?", GROUP, BOB)
    for button in (WHY, WRONG, FORGET):
        alert = await press(bot, answer, button, ANA)
        assert ("the person who asked" in alert.text, alert.show_alert) == (True, True)
    assert len(bot.api.answers(GROUP)) == 1
    await press(bot, answer, WRONG, BOB)
    question = bot.api.answers(GROUP)[-1]
    await bot.ask(GROUP, "Ana says something", user_id=ANA, reply_to=question.message_id)
    await bot.ask(GROUP, "In 1921", user_id=BOB, reply_to=question.message_id)
    group = await turns(bot, f"telegram-group-{-GROUP}")
    assert [bool(turn.edit_of) for turn in group] == [False, False, True]
    assert group[-1].said == f"User {BOB}: When was it built?\n\nIn 1921"


async def test_forget_asks_once_and_the_buttons_are_stale_then(bot: Bot) -> None:
    answer = await asked(bot, "The code is 4711")
    await press(bot, answer, FORGET)
    question = bot.api.answers(BOB)[-1]
    assert "Forget this and my answer" in question.text
    bot.api.presses(BOB, question.message_id, "Yes, forget")
    await bot.until(lambda: bot.api.answers(BOB)[-1].text.startswith("Forgotten."))
    assert not await turns(bot)
    for button in (WHY, WRONG, FORGET):
        alert = await press(bot, answer, button)
        assert ("do not remember this answer" in alert.text, alert.show_alert) == (True, True)


async def test_what_stands_after_a_forgotten_turn_is_explained_and_answered_anew(
    bot: Bot, model: ModelServer
) -> None:
    answers = [await asked(bot, text) for text in ("The code is 4711", "Good morning", "Where is Peru?")]
    for number, last in ((0, "Where is Peru?"), (2, "Good morning")):
        await press(bot, answers[number], FORGET)
        bot.api.presses(BOB, bot.api.answers(BOB)[-1].message_id, "Yes, forget")
        await bot.until(lambda: bot.api.answers(BOB)[-1].text.startswith("Forgotten."))
        await bot.idle()
        before = len(bot.api.answers(BOB))
        await bot.ask(BOB, "/why")
        assert last in bot.api.answers(BOB)[before].text
    model.reply("Anew.")
    assert await bot.ask(BOB, "/retry") == "Anew."
    kept = [(turn.message, SUPERSEDED in turn.tags) for turn in await turns(bot)]
    assert kept == [("Good morning", True), ("Good morning", False)]


async def test_a_forged_button_reaches_no_other_answer(bot: Bot) -> None:
    await asked(bot, "a secret of Bob's")
    await bot.ask(ANA, "/facts")
    own = bot.api.answers(ANA)[-1]
    for data in ("answer:why", "answer:wrong", "answer:forget", "answer:nothing", "answer:x", "answer:"):
        bot.api.presses(ANA, own.message_id, data, forged=True)
    await bot.idle()
    assert len(bot.api.answers(ANA)) == 1
    assert not await bot.context.agent.layers.feedback.all(owner=OWNER)
    assert not await bot.context.lanes.dead()


async def test_a_press_that_comes_again_asks_once(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = await asked(bot, "When was it built?")
    expect, tries = Corrections.expect, list[int]()

    async def down_after(corrections: Corrections, *args: Any) -> None:
        await expect(corrections, *args)
        tries.append(1)
        if len(tries) == 1:
            assert await corrections.drop(Place(BOB), BOB)
            raise TierUnavailable("working", "connection refused")

    monkeypatch.setattr(Corrections, "expect", down_after)
    await press(bot, answer, WRONG)
    assert len(tries) == 2
    await bot.ask(BOB, "something else")
    assert not (await turns(bot))[-1].edit_of
