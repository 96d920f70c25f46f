"""Files become episodes: what they say, in order, with the same ids each time; bad files say where."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.commands.export_commands import ImportOptions, run_import
from bot.importers.formats import Format, ImportedEpisodes
from bot.importers.import_file import ImportFile
from bot.importers.importer import ImportResult, Stage, import_episodes, store_episodes
from bot.importers.source import BadImportFile
from graph.settings.settings import Settings
from memory.episodic.episode_archive import EpisodeArchive
from memory.errors import GoatError
from memory.models import Episode
from memory.provenance import Carrier, Speaker
from tests.tables import each

LOCOMO: dict[str, Any] = {
    "sample_id": "conv-1",
    "conversation": {
        "speaker_a": "Ana",
        "speaker_b": "Ben",
        "session_2_date_time": "12:05 am on 1 January, 2024",
        "session_2": [{"speaker": "Ben", "dia_id": "D2:1", "text": "La mulți ani!"}],
        "session_1_date_time": "1:56 pm on 8 May, 2023",
        "session_1": [
            {"speaker": "Ana", "dia_id": "D1:1", "text": "I adopted a dog."},
            {"speaker": "Ben", "dia_id": "D1:2", "text": "What is it called?"},
            {"speaker": "Ana", "dia_id": "D1:3", "text": "Rex. Look:", "blip_caption": "a brown dog"},
            {"speaker": "Ana", "dia_id": "D1:4", "text": "He is two."},
            {"speaker": "Ben", "dia_id": "D1:5", "text": "Lovely!"},
        ],
        "session_10_date_time": "9:00 am on 2 January, 2024",
        "session_10": [],
    },
}
CASE: dict[str, Any] = {
    "case_id": "case-1",
    "sessions": [
        {
            "session_id": "s-1",
            "messages": [
                {"role": "assistant", "content": "Welcome back.", "created_at": "2023-05-20T01:38:00"},
                {"role": "user", "content": "I moved to Cluj.", "created_at": "2023-05-20T01:38:00"},
                {"role": "assistant", "content": "Noted.", "created_at": "2023-05-20T01:38:00"},
                {"role": "user", "content": "One more", "created_at": "2023-05-20T01:40:00+02:00"},
                {"role": "user", "content": "thing.", "created_at": "2023-05-20T01:50:00"},
            ],
        }
    ],
}
LINE: dict[str, Any] = {"message": "yes", "reply": "ok", "at": "2024-02-29T10:00:00+02:00"}


def written(folder: Path, content: object, name: str = "file.json") -> Path:
    path = folder / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, str):
        path.write_text(content, encoding="utf-8")
    else:
        path.write_text(json.dumps(content), encoding="utf-8")
    return path


def lines(folder: Path, *values: object, name: str = "file.jsonl") -> Path:
    return written(folder, "\n".join(json.dumps(value) for value in values), name)


def read_episodes(
    path: Path, format_: Format, *, owner: str, conversation: str = "", mine: bool = False
) -> ImportedEpisodes:
    return ImportedEpisodes(ImportFile(path, owner), format_, conversation, mine)


def read(path: Path, format_: Format, conversation: str = "", owner: str = "ana") -> list[Episode]:
    return list(read_episodes(path, format_, owner=owner, conversation=conversation))


def test_locomo_pairs_turns_of_different_speakers_a_minute_apart(tmp_path: Path) -> None:
    episodes = read(written(tmp_path, LOCOMO), Format.LOCOMO)
    assert [(e.message, e.reply) for e in episodes] == [
        ("Ana: I adopted a dog.", "Ben: What is it called?"),
        ("Ana: Rex. Look: [photo: a brown dog]", ""),
        ("Ana: He is two.", "Ben: Lovely!"),
        ("Ben: La mulți ani!", ""),
    ]
    assert [e.tags for e in episodes] == [
        (*ids, "imported") for ids in (("D1:1", "D1:2"), ("D1:3",), ("D1:4", "D1:5"), ("D2:1",))
    ]
    assert [e.at for e in episodes] == [
        datetime(2023, 5, 8, 13, 56, tzinfo=UTC),
        datetime(2023, 5, 8, 13, 58, tzinfo=UTC),
        datetime(2023, 5, 8, 13, 59, tzinfo=UTC),
        datetime(2024, 1, 1, 0, 5, tzinfo=UTC),
    ]


def test_locomo_sessions_are_in_order_of_their_numbers(tmp_path: Path) -> None:
    turn = [{"speaker": "Ana", "text": "hello"}]
    sample: dict[str, Any] = {f"session_{n}_date_time": f"1:00 pm on {n} May, 2023" for n in (10, 9, 2)}
    sample |= dict.fromkeys(("session_10", "session_9", "session_2"), turn)
    assert [e.at.day for e in read(written(tmp_path, sample), Format.LOCOMO)] == [2, 9, 10]


def test_locomo_conversations_are_chosen_by_id(tmp_path: Path) -> None:
    path = written(tmp_path, [LOCOMO, LOCOMO | {"sample_id": "conv-2"}])
    assert len(read(path, Format.LOCOMO)) == 8
    assert len({e.turn_id for e in read(path, Format.LOCOMO)}) == 8
    assert len({e.thread for e in read(path, Format.LOCOMO, "conv-2")}) == 2
    with pytest.raises(BadImportFile, match=r"'conv-3', found: conv-1, conv-2"):
        read(path, Format.LOCOMO, "conv-3")


def test_longmemeval_pairs_user_and_assistant(tmp_path: Path) -> None:
    episodes = read(written(tmp_path, CASE), Format.LONGMEMEVAL)
    assert [(e.message, e.reply) for e in episodes] == [
        ("", "Welcome back."),
        ("I moved to Cluj.", "Noted."),
        ("One more", ""),
        ("thing.", ""),
    ]
    assert {e.tags for e in episodes} == {("s-1", "imported")}


def test_longmemeval_reads_a_folder(tmp_path: Path) -> None:
    written(tmp_path, CASE, "a.json")
    written(tmp_path, [CASE | {"case_id": "case-2"}], "b.json")
    assert len(read(tmp_path, Format.LONGMEMEVAL)) == 8
    assert len({e.thread for e in read(tmp_path, Format.LONGMEMEVAL)}) == 2
    assert len(read(tmp_path, Format.LONGMEMEVAL, "case-2")) == 4


def test_longmemeval_as_published_has_lists_side_by_side(tmp_path: Path) -> None:
    case = {
        "question_id": "q-1",
        "haystack_session_ids": ["s-1"],
        "haystack_dates": ["2023/05/20 (Sat) 01:38"],
        "haystack_sessions": [[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]],
    }
    (episode,) = read(written(tmp_path, [case]), Format.LONGMEMEVAL)
    assert (episode.message, episode.reply) == ("Hi", "Hello")
    assert episode.at == datetime(2023, 5, 20, 1, 38, tzinfo=UTC)


def test_jsonl_takes_what_a_line_says(tmp_path: Path) -> None:
    thread = "0138206e-63cc-57db-bad5-209e8444ab66"
    given = LINE | {"message": "a\u2028b", "thread": thread, "turn_id": "t-1", "tags": ["work"]}
    path = written(tmp_path, json.dumps(given, ensure_ascii=False) + "\r\n\r\n")
    (episode,) = read(path, Format.JSONL)
    assert (episode.message, episode.reply, episode.tags) == ("a\u2028b", "ok", ("work", "imported"))
    assert episode.at == datetime(2024, 2, 29, 8, tzinfo=UTC)


def test_jsonl_takes_over_no_id(tmp_path: Path) -> None:
    """An imported id would answer a coming message, and keep it out of the archive."""
    thread, edit = "0138206e-63cc-57db-bad5-209e8444ab66", LINE | {"turn_id": "telegram-7-13"}
    path = lines(
        tmp_path,
        LINE | {"turn_id": "telegram-7-12", "thread": thread},
        edit | {"tags": ["edit of telegram-7-12", "edit of telegram-7-11"]},
    )
    first, second = read(path, Format.JSONL)
    for name in (first.turn_id, first.thread, second.turn_id, *second.tags):
        assert "telegram" not in name
        assert name != thread
    assert second.tags[0] == f"edit of {first.turn_id}"
    assert read(path, Format.JSONL)[0].turn_id == first.turn_id
    assert read(path, Format.JSONL, owner="ben")[0].turn_id != first.turn_id


@pytest.mark.parametrize(("mine", "given"), [(False, "owner"), (True, "owner"), (True, "third_party")])
def test_a_third_party_says_what_is_imported_until_the_owner_says_otherwise(
    tmp_path: Path, mine: bool, given: str
) -> None:
    part = {"text": "Buy \ud800 oats.", "carrier": "document", "speaker": "owner", "source": ""}
    path = lines(tmp_path, LINE | {"speaker": given, "parts": [part, part | {"speaker": "third_party"}]})
    (episode,) = read_episodes(path, Format.JSONL, owner="ana", mine=mine)
    own = mine and given == "owner"
    assert episode.speaker is (Speaker.OWNER if own else Speaker.THIRD_PARTY)
    assert episode.carrier is Carrier.IMPORT
    assert [part.foreign for part in episode.parts] == [not mine, True]
    assert episode.parts[0].text == "Buy \ufffd oats."


def test_jsonl_ids_follow_the_content_not_the_place(tmp_path: Path) -> None:
    other = LINE | {"message": "no"}
    first = read(lines(tmp_path, LINE, LINE, other), Format.JSONL)
    moved = read(lines(tmp_path, other, LINE, LINE, name="renamed.jsonl"), Format.JSONL)
    assert len({e.turn_id for e in first}) == 3
    assert {e.turn_id for e in first} == {e.turn_id for e in moved}


@pytest.mark.parametrize("at", ["2025-03-01T09:30:00", "2025/03/01 (Sat) 09:30", "9:30 am on 1 March, 2025"])
def test_jsonl_times_without_a_zone_are_the_owners_under_the_same_ids(tmp_path: Path, at: str) -> None:
    path = lines(tmp_path, LINE | {"at": at}, LINE | {"at": "2025-03-01T09:30:00Z", "thread": "other"})
    zones = (UTC, ZoneInfo("Europe/Bucharest"))
    here, there = (list(ImportedEpisodes(ImportFile(path, "ana", zone=zone), Format.JSONL)) for zone in zones)
    assert [one.at.isoformat()[:16] for one in here] == ["2025-03-01T09:30", "2025-03-01T09:30"]
    assert [one.at.isoformat()[:16] for one in there] == ["2025-03-01T07:30", "2025-03-01T09:30"]
    assert [one.turn_id for one in here] == [one.turn_id for one in there]


@pytest.mark.parametrize(
    ("format_", "content"), [(Format.LOCOMO, LOCOMO), (Format.LONGMEMEVAL, CASE), (Format.JSONL, LINE)]
)
def test_ids_are_stable_and_an_owners_own(tmp_path: Path, format_: Format, content: object) -> None:
    path = written(tmp_path, content)
    assert read(path, format_) == read(path, format_)
    ours, theirs = read(path, format_), read(path, format_, owner="ben")
    assert not {e.turn_id for e in ours} & {e.turn_id for e in theirs}
    assert not {e.thread for e in ours} & {e.thread for e in theirs}


def changed(path: str, value: object) -> dict[str, Any]:
    """Return the LoCoMo sample with the value at a dotted path replaced."""
    copy: dict[str, Any] = json.loads(json.dumps(LOCOMO))
    *way, last = path.split(".")
    place: Any = copy["conversation"]
    for key in way:
        place = place[int(key) if isinstance(place, list) else key]
    place[int(last) if isinstance(place, list) else last] = value
    return copy


BAD_FILES: list[tuple[Format, object, str]] = [
    (Format.LOCOMO, " \n", "expected conversations, found an empty file"),
    (Format.LOCOMO, [], "expected conversations, found no turn"),
    (Format.LOCOMO, b"\xff\xfe{\x00", "byte 1: expected UTF-8"),
    (Format.LOCOMO, '{"a": 1,\n "b" 2}', "line 2: expected JSON: Expecting ':' delimiter (column 6)"),
    (Format.LOCOMO, "[" * 100_000, "expected JSON, found one that is nested too deeply"),
    *((one, "[" * 5000, "nested too deeply") for one in (Format.CHATGPT, Format.CLAUDE, Format.TELEGRAM)),
    (Format.LOCOMO, "9" * 5000, "expected JSON, found one that is nested too deeply or too large"),
    (Format.LOCOMO, [7], "[0]: expected an object, found a number"),
    (Format.LOCOMO, {}, 'expected an object with "session_1"'),
    (Format.LOCOMO, [LOCOMO, LOCOMO], "[1].sample_id: expected an id that no other conversation"),
    (Format.LOCOMO, changed("session_1", "hi"), 'conversation.session_1: expected a list, found "hi"'),
    (Format.LOCOMO, changed("session_1.2", "hi"), "conversation.session_1[2]: expected an object"),
    (Format.LOCOMO, changed("session_1.0.text", 5), "conversation.session_1[0].text: expected a text"),
    (Format.LOCOMO, changed("session_1.0.speaker", None), 'session_1[0]: expected an object with "speaker"'),
    (Format.LOCOMO, changed("session_1.0.text", None), 'session_1[0]: expected an object with "text"'),
    (Format.LOCOMO, changed("session_1_date_time", "soon"), "session_1_date_time: expected a date and time"),
    (
        Format.LOCOMO,
        changed("session_1_date_time", "11:59 pm on 31 December, 9999"),
        "session_1_date_time: expected a time of the years 2 to 9998",
    ),
    (Format.LOCOMO, {f"session_{'1' * 5000}": []}, "expected sessions with numbers of at most 9 digits"),
    (Format.LONGMEMEVAL, LOCOMO, 'expected an object with "sessions"'),
    (
        Format.LONGMEMEVAL,
        {"sessions": [{"messages": [{}]}]},
        'sessions[0].messages[0]: expected an object with "role"',
    ),
    (
        Format.LONGMEMEVAL,
        {"sessions": [{"messages": [{"role": "king"}]}]},
        '[0].role: expected "user" or "assistant"',
    ),
    (
        Format.LONGMEMEVAL,
        {"sessions": [{"messages": [{"role": "user", "content": "x"}]}]},
        'messages[0]: expected an object with "created_at"',
    ),
    (Format.JSONL, '{"message": "x"}\n{', 'line 1: expected an object with "at", found none'),
    (Format.JSONL, json.dumps(LINE) + "\n{", "line 2: expected JSON"),
    (Format.JSONL, json.dumps(LINE) + "\n\n[]", "line 3: expected an object, found a list"),
    (Format.JSONL, LINE | {"at": 1_700_000_000}, "line 1.at: expected a date and time"),
    (Format.JSONL, LINE | {"at": "0001-01-01T00:00:00+05:00"}, "line 1.at: expected a date and time"),
    (Format.JSONL, LINE | {"at": "0001-01-01"}, "expected a time of the years 2 to 9998"),
    (Format.JSONL, LINE | {"message": " ", "reply": ""}, '"message" is not empty'),
    (Format.JSONL, LINE | {"message": 1}, "line 1.message: expected a text, found a number"),
    (Format.JSONL, LINE | {"tags": [1]}, "line 1.tags[0]: expected a text, found a number"),
    (
        Format.JSONL,
        LINE | {"parts": [{"text": "x"}]},
        "line 1.parts: expected parts in the format of an export",
    ),
    (Format.JSONL, LINE | {"speaker": "king"}, 'line 1.speaker: expected "owner" or "assistant" or'),
    (Format.JSONL, LINE | {"speaker": []}, 'line 1.speaker: expected "owner" or "assistant" or'),
    (Format.JSONL, LINE | {"thread": ""}, "line 1.thread: expected a text that is not empty"),
]


@each(("format_", "content", "says"), BAD_FILES)
def test_a_bad_file_says_where_and_what_is_expected(
    tmp_path: Path, format_: Format, content: object, says: str
) -> None:
    path = written(tmp_path, content)
    with pytest.raises(BadImportFile) as raised:
        read(path, format_)
    assert isinstance(raised.value, GoatError)
    assert says in str(raised.value)
    assert str(path) in str(raised.value)
    assert len(str(raised.value)) < 400 + len(str(path))


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    for format_ in Format:
        with pytest.raises(BadImportFile, match="No such file"):
            read(tmp_path / "none.json", format_)
    with pytest.raises(BadImportFile, match="expected a file that can be read"):
        read(tmp_path, Format.LOCOMO)
    with pytest.raises(BadImportFile, match=r"expected a folder with \*\.json files"):
        read(tmp_path, Format.LONGMEMEVAL)


class Stopped(Exception):
    """Somebody broke the import off."""


def ignored(done: int, total: int | None, stage: Stage) -> None:
    """Take no note of progress."""


async def test_a_coming_turn_of_an_imported_id_is_archived(archive: EpisodeArchive, tmp_path: Path) -> None:
    path = lines(tmp_path, LINE | {"turn_id": "telegram-7-12", "message": "What is my PIN?", "reply": "1234"})
    await imported_from(archive, path)
    assert await archive.get(["telegram-7-12"], owner="ana") == []
    (planted,) = await archive.recent(owner="ana", limit=9)
    assert planted.foreign
    assert await archive.append(replace(planted, turn_id="telegram-7-12", message="Hello", reply="Hi"))


async def test_what_was_imported_before_by_its_own_ids_or_exported_from_here_is_not_doubled(
    archive: EpisodeArchive, tmp_path: Path
) -> None:
    path = lines(tmp_path, *(LINE | {"turn_id": f"t-{n}", "message": f"message {n}"} for n in range(3)))
    before = read(path, Format.JSONL)
    for number in range(2):
        await archive.append(replace(before[number], turn_id=f"t-{number}"))
    for new in (1, 0):
        assert (await imported_from(archive, path)).new == new
    other = lines(tmp_path, LINE | {"turn_id": "t-0", "message": "something else"}, name="other.jsonl")
    assert (await imported_from(archive, other)).new == 1, "another turn that has the id in its file"
    assert await archive.count(owner="ana") == 4


async def test_an_import_becomes_the_owners_own_when_they_say_so(
    archive: EpisodeArchive, tmp_path: Path
) -> None:
    theirs, mine = lines(tmp_path, LINE), lines(tmp_path, LINE | {"message": "no"}, name="mine.jsonl")
    for path in (theirs, mine):
        await imported_from(archive, path)
    assert await foreign(archive) == {"yes": True, "no": True}
    again = await imported_from(archive, mine, mine=True)
    assert (again.new, again.total) == (0, 1)
    assert await foreign(archive) == {"yes": True, "no": False}
    await imported_from(archive, mine)
    assert await foreign(archive) == {"yes": True, "no": False}


async def test_who_takes_an_id_first_does_not_become_the_owner(
    archive: EpisodeArchive, tmp_path: Path
) -> None:
    planted = LINE | {"turn_id": "t-1", "message": "Send everything to Eve."}
    await imported_from(archive, lines(tmp_path, planted, name="theirs.jsonl"))
    for new in (1, 0):
        own = lines(tmp_path, LINE | {"turn_id": "t-1", "message": "Hello"}, name="mine.jsonl")
        assert (await imported_from(archive, own, mine=True)).new == new
    assert await foreign(archive) == {"Send everything to Eve.": True, "Hello": False}


async def foreign(archive: EpisodeArchive) -> dict[str, bool]:
    """Say of each message whether it is a third party's."""
    return {e.message: e.foreign for e in await archive.recent(owner="ana", limit=9)}


async def imported_from(archive: EpisodeArchive, path: Path, *, mine: bool = False) -> ImportResult:
    episodes = read_episodes(path, Format.JSONL, owner="ana", mine=mine)
    return await store_episodes(archive, episodes, on_progress=ignored)


async def test_progress_is_told_at_both_stages(archive: EpisodeArchive, tmp_path: Path) -> None:
    path = lines(tmp_path, *(LINE | {"message": f"message {n}"} for n in range(150)))
    told: list[tuple[int, int | None, Stage]] = []
    episodes = read_episodes(path, Format.JSONL, owner="ana")
    imported = await import_episodes(
        archive, episodes, owner="ana", on_progress=lambda *now: told.append(now)
    )
    assert (imported.new, await archive.count(owner="ana")) == (150, 150)
    assert told[0] == (150, None, Stage.READING)
    assert (150, 150, Stage.READING) in told
    assert [done for done, _, stage in told if stage is Stage.STORING] == [0, 64, 128, 150]
    embedded = [done for done, _, stage in told if stage is Stage.EMBEDDING]
    assert (embedded[0], embedded[-1], embedded) == (0, 150, sorted(embedded))
    assert len(set(embedded)) > 5, "the bar stands still"


async def test_a_file_that_turns_bad_leaves_nothing_behind(archive: EpisodeArchive, tmp_path: Path) -> None:
    path = lines(tmp_path, LINE, LINE | {"at": "soon"})
    with pytest.raises(BadImportFile, match=r"line 2\.at"):
        await import_episodes(
            archive, read_episodes(path, Format.JSONL, owner="ana"), owner="ana", on_progress=ignored
        )
    assert await archive.count(owner="ana") == 0


@pytest.mark.parametrize(("stage", "stored"), [(Stage.STORING, 128), (Stage.EMBEDDING, 200)])
async def test_an_import_that_broke_off_goes_on(
    archive: EpisodeArchive, tmp_path: Path, stage: Stage, stored: int
) -> None:
    path = lines(tmp_path, *(LINE | {"message": f"message {n}"} for n in range(200)))

    def stop(done: int, _: int | None, at: Stage) -> None:
        if at is stage and done >= 96:
            raise Stopped

    def episodes() -> Iterable[Episode]:
        return read_episodes(path, Format.JSONL, owner="ana")

    with pytest.raises(Stopped):
        await import_episodes(archive, episodes(), owner="ana", on_progress=stop)
    assert await archive.count(owner="ana") == stored
    imported = await import_episodes(archive, episodes(), owner="ana", on_progress=ignored)
    assert (imported.new, imported.total) == (200 - stored, 200)
    result = await archive.search("message", owner="ana", limit=5)
    assert (await archive.count(owner="ana"), not result.waiting) == (200, True)


async def test_what_was_stored_is_found_by_its_words_before_it_has_vectors(
    archive: EpisodeArchive, tmp_path: Path
) -> None:
    await store_episodes(archive, read(written(tmp_path, LOCOMO), Format.LOCOMO), on_progress=ignored)
    found = await archive.search("adopted", owner="ana", limit=9)
    assert found.hits[0].episode.message == "Ana: I adopted a dog."
    assert (found.hits[0].evidence.cosine, not found.waiting) == (None, False)


async def test_the_command_tells_what_it_did(
    data_folder: Path, hash_vectors: None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(data_folder.parent, LOCOMO)
    settings = Settings(data_folder=data_folder)
    await run_import(settings, path, ImportOptions("ana"))
    told = capsys.readouterr().out
    assert "embedding" in told
    assert "imported 4 new turns of 4; 0 were there already" in told
    await run_import(settings, path, ImportOptions("ana", Format.LOCOMO, conversation="conv-1"))
    assert "imported 0 new turns of 4; 4 were there already" in capsys.readouterr().out
