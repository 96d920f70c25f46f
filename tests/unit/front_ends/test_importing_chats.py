"""Exports of other programs become episodes: who said what, when, with edits, media and growth."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.importers.formats import Format, ImportedEpisodes, recognise
from bot.importers.import_file import ImportFile
from bot.importers.importer import ImportResult, store_episodes
from bot.importers.source import BadImportFile
from memory.episodic.episode_archive import EpisodeArchive
from memory.models import SUPERSEDED, Episode
from memory.provenance import Carrier, Speaker
from tests.import_files import (
    BEGAN,
    chatgpt_message,
    chatgpt_tree,
    claude_conversation,
    claude_message,
    telegram_chat,
    telegram_message,
    telegram_service,
    telegram_whole,
    whatsapp_android,
    whatsapp_iphone,
    zipped,
)
from tests.tables import each

BUCHAREST = ZoneInfo("Europe/Bucharest")


def written(folder: Path, content: object, name: str = "file.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def episodes(path: Path, me: str = "", *, mine: bool = False, conversation: str = "") -> ImportedEpisodes:
    file = ImportFile(path, "ana", me, BUCHAREST)
    return ImportedEpisodes(file, recognise(file), conversation, mine)


def said(episode: Episode) -> tuple[str, str, list[tuple[str, str]]]:
    return episode.message, episode.reply, [(part.source, part.text) for part in episode.parts]


# ChatGPT


def tree(current: str, *, regenerated: bool = False) -> dict[str, Any]:
    """A question that was edited, and answered with a search on the web."""
    at, later = BEGAN, BEGAN + timedelta(minutes=5)
    context = {"content_type": "user_editable_context", "user_profile": "secret"}
    browsing = {"content_type": "tether_browsing_display", "result": "page"}
    photo: list[Any] = [
        {"content_type": "image_asset_pointer", "asset_pointer": "file-service://x"},
        "And this?",
    ]
    files = {"attachments": [{"name": "plan.pdf", "mime_type": "application/pdf"}]}
    nodes: list[Any] = [
        ("root", None, None),
        ("system", "root", chatgpt_message("system", "", at)),
        ("profile", "system", chatgpt_message("user", "", at, content=context)),
        ("old", "profile", chatgpt_message("user", "Where is Cluj?", at)),
        ("old-reply", "old", chatgpt_message("assistant", "In Romania.", at)),
        ("new", "profile", chatgpt_message("user", "Where is Sibiu?", at)),
        ("call", "new", chatgpt_message("assistant", "search()", at, recipient="browser")),
        ("page", "call", chatgpt_message("tool", "", at, content=browsing)),
        ("reply", "page", chatgpt_message("assistant", "Also in Romania.", at)),
        (
            "photo",
            "reply",
            chatgpt_message(
                "user", "", later, content={"content_type": "multimodal_text", "parts": photo}, metadata=files
            ),
        ),
    ]
    if regenerated:
        nodes.append(("answer", "photo", chatgpt_message("assistant", "A house.", later)))
    return chatgpt_tree("Cities", nodes, current)


def test_chatgpts_current_branch_is_imported_with_what_was_seen(tmp_path: Path) -> None:
    path = written(tmp_path, [tree("photo")], "conversations.json")
    first, second = list(episodes(path))
    assert said(first) == ("Where is Sibiu?", "Also in Romania.", [])
    assert said(second) == ("[photo]\nAnd this?\n[file: plan.pdf]", "", [])
    assert (first.at, second.at) == (BEGAN, BEGAN + timedelta(minutes=5))
    assert (first.speaker, first.carrier, "About Cities" in first.tags) == (
        Speaker.OWNER,
        Carrier.IMPORT,
        True,
    )
    assert (first.foreign, second.foreign) == (True, False), "a page was read for the first reply"


async def test_an_edited_question_replaces_the_imported_one(archive: EpisodeArchive, tmp_path: Path) -> None:
    assert (await stored(archive, written(tmp_path, [tree("old-reply")]))).new == 1
    assert (await stored(archive, written(tmp_path, [tree("reply")]))).new == 1
    assert await current(archive) == ["Where is Sibiu?"]


async def test_a_reply_that_came_later_replaces_the_bare_question(
    archive: EpisodeArchive, tmp_path: Path
) -> None:
    assert (await stored(archive, written(tmp_path, [tree("photo")]))).new == 2
    grown = written(tmp_path, [tree("answer", regenerated=True)])
    for new in (1, 0):
        assert (await stored(archive, grown)).new == new
    held = [episode async for episode in archive.all(owner="ana")]
    replies = [episode.reply for episode in held if SUPERSEDED not in episode.tags]
    assert replies == ["Also in Romania.", "A house."]


# Claude


def claude_export() -> list[Any]:
    pasted = {"file_name": "lease.txt", "file_size": 9, "file_type": "txt", "extracted_content": "No pets."}
    tool = [{"type": "tool_result", "content": []}, {"type": "text", "text": "It says no pets."}]
    return [
        claude_conversation(
            "Lease",
            [
                claude_message(0, "human", "May I keep a dog?", attachments=[pasted]),
                claude_message(1, "assistant", "", content=tool),
                claude_message(2, "human", "Look.", files=[{"file_name": "dog.PNG"}, {"file_name": "a.csv"}]),
            ],
        ),
        claude_conversation("", []),
    ]


def test_claudes_export_keeps_attached_texts_apart(tmp_path: Path) -> None:
    content = json.dumps(claude_export()).encode()
    members = {"conversations.json": content, "users.json": b"[]", "manifest.json": b"{}"}
    path = zipped(tmp_path / "claude.zip", members)
    first, second = list(episodes(path))
    assert said(first) == ("May I keep a dog?", "It says no pets.", [("lease.txt", "No pets.")])
    assert said(second) == ("Look.\n[photo]\n[file: a.csv]", "", [])
    assert (first.parts[0].carrier, first.parts[0].foreign) == (Carrier.DOCUMENT, True)
    assert first.at == BEGAN.replace(microsecond=123456)
    assert (first.speaker, first.foreign, second.foreign) == (Speaker.OWNER, True, False)


def test_claudes_abandoned_branches_are_left_out(tmp_path: Path) -> None:
    messages = [
        claude_message(0, "human", "Old?", parent_message_uuid="none"),
        claude_message(1, "assistant", "Old.", parent_message_uuid="m-0"),
        claude_message(2, "human", "New?", parent_message_uuid="none"),
        claude_message(3, "assistant", "New.", parent_message_uuid="m-2"),
    ]
    path = written(tmp_path, [claude_conversation("Branches", messages)])
    assert [said(one) for one in episodes(path)] == [("New?", "New.", [])]


# Telegram


CHAT = telegram_chat(
    "Ben",
    [
        telegram_service(1),
        telegram_message(2, "Ben", ["Where do you ", {"type": "bold", "text": "live"}, "?"]),
        telegram_message(3, "Ana", "In Cluj."),
        telegram_message(4, "Ana", "", photo="photos/1.jpg", width=1, height=1),
        telegram_message(5, "Ben", "", media_type="voice_message", file="v.ogg", mime_type="audio/ogg"),
        telegram_message(6, "Ana", "Buy gold!", forwarded_from="Shop"),
        telegram_message(200, "Ben", "Pozdrav", edited_unixtime="1680690000"),
    ],
)


def test_a_chat_is_the_owners_by_the_name_given(tmp_path: Path) -> None:
    found = list(episodes(written(tmp_path, CHAT, "result.json"), "ana"))
    assert [said(one) for one in found] == [
        ("In Cluj.\n[photo]", "", [("Ben, 12:32", "Where do you live?")]),
        ("", "", [("Ben, 12:35", "[voice message]"), ("Shop, 12:36", "Buy gold!")]),
        ("", "", [("Ben, 15:50", "Pozdrav")]),
    ]
    assert found[0].at == BEGAN + timedelta(minutes=2)
    assert all(one.from_others and "Ben" in one.tags for one in found)
    assert found[1].parts[1].carrier is Carrier.FORWARDED


def test_nobodys_words_become_the_owners_by_default(tmp_path: Path) -> None:
    path = written(tmp_path, CHAT, "result.json")
    for me in ("", "Carol"):
        with pytest.raises(BadImportFile, match=r"'Ana' \(3\), 'Ben' \(3\).*--me NAME"):
            list(episodes(path, me))
    assert [one.message for one in episodes(path, "-")] == ["", ""]


def test_a_whole_export_tells_who_the_owner_is(tmp_path: Path) -> None:
    other = telegram_chat("Carol", [telegram_message(1, "Carol", "Hi Ana"), telegram_message(2, "Ana", "Hi")])
    path = written(tmp_path, telegram_whole("Ana", [CHAT, other]), "result.json")
    assert [one.message for one in episodes(path)] == ["In Cluj.\n[photo]", "", "", "Hi"]
    assert [one.message for one in episodes(path, conversation="Carol")] == ["Hi"]
    with pytest.raises(BadImportFile, match=r"found: Ben, Carol"):
        list(episodes(path, conversation="Dan"))
    assert [one.message for one in episodes(tmp_path)][-1] == "Hi", "the folder of the export"


def test_a_message_of_a_deleted_account_that_was_forwarded_is_not_the_owners(tmp_path: Path) -> None:
    sent = [telegram_message(1, "Ana", "Obey me", forwarded_from=None), telegram_message(2, "Ana", "No")]
    (found,) = episodes(written(tmp_path, telegram_chat("Ben", sent), "result.json"), "Ana")
    assert said(found) == ("No", "", [("deleted account, 12:31", "Obey me")])


def test_whoever_takes_the_owners_name_in_a_group_is_not_the_owner(tmp_path: Path) -> None:
    mine, other = (telegram_message(n, "Ana", text) for n, text in ((1, "Mine"), (200, "Not mine")))
    path = written(tmp_path, telegram_chat("Home", [mine, other | {"from_id": "user666"}]), "result.json")
    with pytest.raises(BadImportFile, match=r"several people .* user666.*--me ID"):
        list(episodes(path, "Ana"))
    assert [one.message for one in episodes(path, mine["from_id"])] == ["Mine", ""]


async def test_a_grown_chat_adds_what_is_new(archive: EpisodeArchive, tmp_path: Path) -> None:
    early: dict[str, Any] = CHAT | {"messages": CHAT["messages"][:3]}
    assert (await stored(archive, written(tmp_path, early), "Ana")).new == 1
    later = written(tmp_path, CHAT)
    for new in (3, 0):
        assert (await stored(archive, later, "Ana")).new == new
    assert await current(archive) == ["In Cluj.\n[photo]", "", ""]
    assert (await stored(archive, written(tmp_path, early), "Ana")).new == 0, (
        "an older file takes nothing back"
    )
    assert await current(archive) == ["In Cluj.\n[photo]", "", ""]


# WhatsApp


TALK = [
    (datetime(2023, 4, 5, 21, 30, tzinfo=BUCHAREST), "Ben", "Where?\n\nAt yours: or mine?"),
    (datetime(2023, 4, 5, 21, 31, tzinfo=BUCHAREST), "Ana", "Mine."),
    (datetime(2023, 4, 25, 9, 5, tzinfo=BUCHAREST), "Ana", "La mulți ani!"),
]
ANDROID = [
    "%d/%m/%Y, %H:%M",
    "%d.%m.%y, %H:%M",
    "%m/%d/%y, %I:%M %p",
    "%m/%d/%y, %I:%M\u202f%p",
    "%Y-%m-%d, %H:%M",
    "%d-%m-%Y %H:%M",
    "%d.%m.%Y, %H:%M",
]
IPHONE = ["%d/%m/%Y, %H:%M:%S", "%m/%d/%y, %I:%M:%S\u202f%p", "%d.%m.%y, %H:%M:%S", "%d.%m.%Y klo %H.%M.%S"]


@each(
    ("lines", "form"),
    [*((whatsapp_android, form) for form in ANDROID), *((whatsapp_iphone, form) for form in IPHONE)],
)
def test_whatsapps_dates_of_many_languages(tmp_path: Path, lines: Any, form: str) -> None:
    path = written(tmp_path, "\r\n".join(lines(TALK, form)), "WhatsApp Chat with Ben.txt")
    first, second = list(episodes(path, "Ana"))
    assert said(first) == ("Mine.", "", [("Ben, 21:30", "Where?\n\nAt yours: or mine?")])
    assert said(second) == ("La mulți ani!", "", [])
    assert [one.at for one in (first, second)] == [
        TALK[0][0].replace(tzinfo=BUCHAREST),
        TALK[2][0].replace(tzinfo=BUCHAREST),
    ]
    assert "Ben" in first.tags


@each(
    ("form", "days"),
    [("%d/%m/%y, %H:%M", ((1, 4), (2, 4), (1, 5))), ("%m/%d/%y, %H:%M", ((1, 4), (2, 4), (1, 5)))],
)
def test_an_ambiguous_date_order_is_read_so_that_the_messages_are_in_order(
    tmp_path: Path, form: str, days: Sequence[tuple[int, int]]
) -> None:
    talk = [
        (datetime(2023, month, day, 12, tzinfo=BUCHAREST), "Ana", f"{day} {month}") for day, month in days
    ]
    path = written(tmp_path, "\n".join(whatsapp_android(talk, form)), "chat.txt")
    assert [(one.at.day, one.at.month) for one in episodes(path, "Ana")] == list(days)


def test_dates_in_two_orders_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "25/04/23, 09:00 - Ana: a\n04/26/23, 09:00 - Ana: b\n", "chat.txt")
    with pytest.raises(BadImportFile, match="expected dates in one order"):
        list(episodes(path, "Ana"))


def test_whatsapps_notices_and_media(tmp_path: Path) -> None:
    lines = [
        "05/04/2023, 21:29 - Messages and calls are end-to-end encrypted. No one outside can read them.",
        "05/04/2023, 21:29 - Ben changed the subject to “Home: ours”",
        "05/04/2023, 21:30 - Ben: <Media omitted>",
        "05/04/2023, 21:30 - Ben: IMG-20230405-WA0001.jpg (file attached)",
        "our house",
        "05/04/2023, 21:31 - Ben: This message was deleted",
        "05/04/2023, 21:31 - Ana: Fine \u200e<This message was edited>",
    ]
    path = written(tmp_path, "\n".join(lines), "chat.txt")
    (found,) = list(episodes(path, "Ana"))
    assert said(found) == ("Fine", "", [("Ben, 21:30", "[media]\n[photo]\nour house")])


def test_an_iphones_notices_and_media_have_a_mark(tmp_path: Path) -> None:
    lines = [
        "[05/04/2023, 21:29:00] Home: \u200eMessages and calls are end-to-end encrypted.",
        "\u200e[05/04/2023, 21:30:00] Ben: \u200eimage omitted",
        "\u200e[05/04/2023, 21:30:10] Ben: \u200e<attached: 00000007-AUDIO-2023-04-05.opus>",
        "[05/04/2023, 21:31:00] ~\u202fAna: I know <3",
    ]
    content = "\ufeff" + "\r\n".join(lines)
    path = zipped(tmp_path / "WhatsApp Chat - Home.zip", {"_chat.txt": content.encode()})
    (found,) = list(episodes(path, "~ Ana"))
    assert said(found) == ("I know <3", "", [("Ben, 21:30", "[photo]\n[voice message]")])
    assert "Home" in found.tags


NAMED = "Conversație WhatsApp cu Ben.txt"
BESIDE = {
    "another text": {"A note.txt": b"Milk\n", "Z note.txt": b"Eggs\n"},
    "in another encoding": {"A note.txt": "brânză\n".encode("utf-16")},
    "of a Mac": {"__MACOSX/._chat.txt": b"\0\5\x16\7\0\2\0\0Mac OS X", "__MACOSX/.___chat.txt": b"\xff"},
    "of another format": {"turns.jsonl": b'{"message": "x", "at": "2025-01-01"}\n'},
}


@pytest.mark.parametrize(
    ("beside", "member"),
    [
        *((beside, member) for beside in BESIDE for member in ("_chat.txt", NAMED)),
        ("another text", "Z talk.txt"),
        ("in another encoding", "Z talk.txt"),
    ],
)
def test_a_whatsapp_chat_is_found_next_to_other_files(tmp_path: Path, beside: str, member: str) -> None:
    chat = "\n".join(whatsapp_android(TALK, "%d/%m/%Y, %H:%M")).encode()
    path = zipped(tmp_path / "WhatsApp Chat - Ben.zip", {**BESIDE[beside], member: chat})
    assert [one.message for one in episodes(path, "Ana")] == ["Mine.", "La mulți ani!"]


def test_of_a_zip_with_texts_alone_the_first_is_named(tmp_path: Path) -> None:
    path = zipped(tmp_path / "notes.zip", BESIDE["another text"])
    with pytest.raises(BadImportFile, match="name it with --format"):
        recognise(ImportFile(path, "ana"))
    with pytest.raises(BadImportFile, match="expected messages of WhatsApp, found none"):
        list(ImportedEpisodes(ImportFile(path, "ana", "Ana"), Format.WHATSAPP))


def test_a_name_that_a_stranger_chose_is_not_taken_for_the_owners(tmp_path: Path) -> None:
    lines = ["05/04/2023, 21:30 - Ana: Mine", "06/04/2023, 21:30 - ~\u202fAna: Not mine"]
    own, other = episodes(written(tmp_path, "\n".join(lines), "chat.txt"), "Ana")
    assert said(own) == ("Mine", "", [])
    assert said(other) == ("", "", [("~ Ana, 21:30", "Not mine")])


# All of them


async def stored(archive: EpisodeArchive, path: Path, me: str = "") -> ImportResult:
    return await store_episodes(archive, episodes(path, me), on_progress=lambda *_: None)


async def current(archive: EpisodeArchive) -> list[str]:
    """Return the messages that no later version replaces."""
    held = [episode async for episode in archive.all(owner="ana")]
    return [episode.message for episode in held if SUPERSEDED not in episode.tags]


async def test_a_replaced_version_is_not_found(archive: EpisodeArchive, tmp_path: Path) -> None:
    await stored(archive, written(tmp_path, [tree("old-reply")]))
    await stored(archive, written(tmp_path, [tree("reply")]))
    result = await archive.search("Cluj Sibiu Romania", owner="ana", limit=9)
    assert [hit.episode.message for hit in result.hits] == ["Where is Sibiu?"]


CONTENTS: list[tuple[Format, object]] = [
    (Format.CHATGPT, [tree("photo")]),
    (Format.CLAUDE, claude_export()),
    (Format.TELEGRAM, CHAT),
    (Format.TELEGRAM, telegram_whole("Ana", [CHAT])),
    (Format.JSONL, '\n{"message": "x", "at": "2024-01-01"}\n{"message": "y", "at": "2024-01-01"}'),
    (Format.WHATSAPP, "\n".join(whatsapp_android(TALK, ANDROID[0]))),
]


@each(("format_", "content"), CONTENTS)
def test_formats_are_recognised_and_ids_stable(tmp_path: Path, format_: Format, content: object) -> None:
    path = written(tmp_path, content, "renamed.dat")
    assert recognise(ImportFile(path, "ana")) is format_
    read = list(episodes(path, "Ana" if format_ in (Format.TELEGRAM, Format.WHATSAPP) else ""))
    assert read
    assert read == list(episodes(path, "Ana" if format_ in (Format.TELEGRAM, Format.WHATSAPP) else ""))
    assert len({one.turn_id for one in read}) == len(read)


def test_an_unknown_file_names_the_formats(tmp_path: Path) -> None:
    with pytest.raises(BadImportFile, match=r"chatgpt, claude, telegram.*--format"):
        recognise(ImportFile(written(tmp_path, "Dear diary,\nnothing happened."), "ana"))


CUT: list[tuple[Format, object]] = [pair for pair in CONTENTS if not isinstance(pair[1], str)]


@pytest.mark.parametrize(("format_", "content"), CUT)
async def test_a_file_that_is_cut_off_says_so_and_stores_nothing(
    archive: EpisodeArchive, tmp_path: Path, format_: Format, content: object
) -> None:
    whole = json.dumps(content)
    path = written(tmp_path, whole[: len(whole) - 60])
    file = ImportFile(path, "ana", "Ana")
    with pytest.raises(BadImportFile, match=r"between bytes 0 and [\d,]+: expected JSON.*cut off"):
        await store_episodes(archive, ImportedEpisodes(file, format_), on_progress=lambda *_: None)
    assert await archive.count(owner="ana") == 0


BAD: list[tuple[object, str]] = [
    ([{"mapping": {}}], r"\[0\]: expected an object with \"id\""),
    ([tree("photo") | {"mapping": [1]}], r"\[0\]\.mapping: expected an object"),
    (
        [chatgpt_tree("x", [("n", None, chatgpt_message("user", "Hi", BEGAN, metadata=[]))], "n")],
        r"\[0\].*metadata: expected an object",
    ),
    ([claude_conversation("x", [claude_message(0, "robot", "?")])], r"\[0\].*sender: expected \"human\""),
    (
        CHAT | {"messages": [telegram_message(1, "Ben", "x", date_unixtime="soon")]},
        r"messages\[0\].date_unixtime: expected seconds",
    ),
    (CHAT | {"messages": [7]}, r"messages\[0\]: expected an object"),
    ("05/04/2023, 21:29 - Ana: a\n31/04/2023, 25:61 - Ana: b", "line 2: expected a date and time"),
]


@each(("content", "says"), BAD)
def test_a_bad_value_is_named_by_its_place(tmp_path: Path, content: object, says: str) -> None:
    with pytest.raises(BadImportFile, match=says):
        list(episodes(written(tmp_path, content), "Ana"))


def test_a_bomb_is_refused_and_nothing_is_unpacked(tmp_path: Path) -> None:
    bomb = b"[" + b" " * 100_000_000
    path = zipped(tmp_path / "bomb.zip", {"../conversations.json": bomb})
    with pytest.raises(BadImportFile, match="expected at most 200 times its packed size"):
        recognise(ImportFile(path, "ana"))
    assert [one.name for one in tmp_path.iterdir()] == ["bomb.zip"]


def test_a_zip_whose_content_was_changed_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "claude.zip", {"conversations.json": json.dumps(claude_export()).encode()})
    content = bytearray(path.read_bytes())
    content[content.rfind(b"PK\x01\x02") + 16] ^= 1  # the checksum
    path.write_bytes(content)
    with pytest.raises(BadImportFile, match="Download or export it again"):
        list(episodes(path))


def test_a_zip_that_was_cut_off_is_named_as_one(tmp_path: Path) -> None:
    path = zipped(tmp_path / "claude.zip", {"conversations.json": b"[]" * 500})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(BadImportFile, match="whole ZIP, found one without its end"):
        recognise(ImportFile(path, "ana"))
