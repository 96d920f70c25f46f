"""Files and other things that people send in Telegram."""

import json
import time
from collections.abc import AsyncIterator
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio

from bot.telegram.inbox.lanes import Arrival
from memory.models import Episode
from tests.plugins import until
from tests.servers.model import ModelServer
from tests.telegram_bot import BOB, Bot, lasting_bot

pytestmark = pytest.mark.asyncio(loop_scope="session")

OWNER = f"telegram-{BOB}"
JPEG = b"\xff\xd8\xff" + b"0" * 100
SECRET = "xyzzy-plugh"
ALBUM = {"media_group_id": "album-1"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def _lasting_seeing_bot(
    tmp_path_factory: pytest.TempPathFactory, _model_server: ModelServer
) -> AsyncIterator[Bot]:
    async with lasting_bot(
        tmp_path_factory.mktemp("seeing"),
        _model_server,
        transcription_model="whisper",
        transcription_base_url=_model_server.base_url,
        vision_model="eyes",
        vision_base_url=_model_server.base_url,
        telegram_file_limit=1,
    ) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def seeing(_lasting_seeing_bot: Bot, model: ModelServer) -> Bot:
    """A bot that hears and sees."""
    await _lasting_seeing_bot.begin_anew()
    model.reset()
    return _lasting_seeing_bot


@pytest.fixture(autouse=True)
def _albums(_lasting_bot: Bot, _lasting_seeing_bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gather an album until all of it is there, and no longer."""

    async def all_is_there(_: float) -> None:
        await until(lambda: not _lasting_bot.api.pending and not _lasting_seeing_bot.api.pending)

    monkeypatch.setattr("bot.telegram.turns.bursts.asyncio", SimpleNamespace(sleep=all_is_there))


async def turns(bot: Bot) -> list[Episode]:
    await bot.idle()
    return [episode async for episode in bot.context.agent.layers.episodes.all(owner=OWNER)]


async def test_voice_is_heard(seeing: Bot, model: ModelServer) -> None:
    model.transcript = "the cellar is flooded"
    seeing.api.sends_file(BOB, "voice", b"OggS" * 20, caption="listen")
    await seeing.answers(BOB)
    (turn,) = await turns(seeing)
    assert turn.message == "listen\n\n[voice message] the cellar is flooded"
    assert model.transcriptions


UNREADABLE: list[tuple[str, bytes, dict[str, Any], str]] = [
    ("voice", b"OggS", {}, "cannot listen"),
    ("photo", JPEG, {}, "cannot look"),
    ("document", b"x", {"size": 50_000_000}, "too large"),
    ("document", b"\0\1\2\3" * 50, {"file_name": "a.bin"}, "cannot read this kind"),
    ("document", b"PK\x03\x04 broken", {"file_name": "a.docx"}, "could not read this file"),
]


async def test_what_cannot_be_read_is_said_and_not_archived(bot: Bot) -> None:
    for kind, content, options, _ in UNREADABLE:
        bot.api.sends_file(BOB, kind, content, **options)
    shown = await bot.answers(BOB, len(UNREADABLE))
    for (*_, answer), message in zip(UNREADABLE, shown, strict=True):
        assert answer in message.text
    assert not await turns(bot)
    assert not await bot.context.lanes.dead()


async def test_an_album_is_one_turn(seeing: Bot, model: ModelServer) -> None:
    for caption in ("compare these", "", ""):
        seeing.api.sends_file(BOB, "photo", JPEG, caption=caption, extra=ALBUM)
    await seeing.answers(BOB)
    (turn,) = await turns(seeing)
    assert turn.said.startswith("compare these")
    assert turn.said.count("[photo]") == 3
    assert len(seeing.api.answers(BOB)) == 1
    await seeing.ask(BOB, "and then?")
    assert len(seeing.api.answers(BOB)) == 2


async def test_the_rest_of_an_album_that_the_former_version_answered_has_no_answer(bot: Bot) -> None:
    said = bot.api.says(BOB, "compare these")
    await bot.answers(BOB)
    user, chat = {"id": BOB, "is_bot": False, "first_name": "Bob"}, {"id": BOB, "type": "private"}
    rest = {
        "message_id": said.message_id,
        "date": int(time.time()),
        "from": user,
        "chat": chat,
        "text": "too",
    }
    number = (said.update_id or 0) + 1000
    update = json.dumps({"update_id": number, "message": rest}).encode()
    await bot.context.lanes.put([Arrival(number, f"{BOB}:0", update)])
    await bot.idle()
    assert len(bot.api.answers(BOB)) == 1


async def test_a_private_album_leaves_no_trace(seeing: Bot) -> None:
    for caption in (f"! {SECRET}", f"/private {SECRET}"):
        album = {"media_group_id": f"album {caption[0]}"}
        seeing.api.sends_file(BOB, "photo", JPEG, caption=caption, extra=album)
        seeing.api.sends_file(BOB, "photo", JPEG, extra=album)
    shown = await seeing.answers(BOB, 2)
    assert ["Nothing of this was kept" in message.text for message in shown] == [True, True]
    assert not await turns(seeing)


async def test_private_captions(seeing: Bot) -> None:
    captions = (f"! {SECRET}", f"/private {SECRET}", "!")
    for kind, caption in product(("voice", "video"), captions):
        seeing.api.sends_file(BOB, kind, b"OggS" * 20, caption=caption)
    shown = await seeing.answers(BOB, 6)
    assert ["Nothing of this was kept" in message.text for message in shown] == [True] * 6
    assert not await turns(seeing)


async def test_a_file_is_not_read_again_when_its_answer_is_late(
    seeing: Bot, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeing.context.courier, "_patience", 0.3)
    seeing.api.fail("sendMessage", 502, times=4)
    seeing.api.sends_file(BOB, "voice", b"OggS" * 20)
    await seeing.answers(BOB)
    assert len(model.transcriptions) == 1
    assert len(await turns(seeing)) == 1
