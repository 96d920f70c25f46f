"""An export holds everything of an owner; imported elsewhere, it is the same memory, found the same way."""

import asyncio
import hashlib
import json
import random
import shutil
import zipfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer

import graph.layers
from bot.commands.export_commands import run_export_import
from bot.exports.owner_export import CONVERSATIONS, FACTS, MANIFEST, VECTORS, Manifest, export_owner, file_of
from bot.exports.owner_import import OwnerImport, is_export, open_export
from bot.importers.source import BadImportFile
from graph.layers import Layers, open_layers
from graph.settings.settings import Settings
from memory.episodic.log.feedback_log import Feedback, Label
from memory.errors import ConfigError
from memory.models import SUPERSEDED, ConversationTurn, Episode, Outcome
from memory.observation.observation import Observation
from memory.provenance import Carrier, Part, Speaker
from memory.reminders.reminder import Origin, Reminder, Schedule, terminal_box
from memory.text.text import digest
from tests.servers.hash_embeddings import HashEmbeddings

AT = datetime(2025, 3, 1, 8, 30, 0, 123456, tzinfo=UTC)
TURNS = 60
QUERIES = 40
PLACES = ["Cluj", "Sibiu", "Oradea", "Arad", "Iași", "Brașov", "Deva", "Turda", "Gherla", "Dej"]
THINGS = [
    "bicycle",
    "passport",
    "tent",
    "kettle",
    "piano",
    "ladder",
    "novel",
    "recipe",
    "invoice",
    "contract",
]

pytestmark = pytest.mark.usefixtures("hash_vectors")


@asynccontextmanager
async def installed(folder: Path) -> AsyncIterator[Layers]:
    """Open an installation with a folder of its own."""
    async with open_layers(Settings(data_folder=folder, timezone="UTC")) as layers:
        yield layers


async def fill(layers: Layers, owner: str) -> None:
    """Give an owner something of every kind, also what was edited and forgotten."""
    draw = random.Random(7)
    for number in range(TURNS):
        await layers.episodes.append(turn(owner, number, draw), shown=[f"t-{number - 3}"])
        await layers.conversations.append(said(number), owner=owner, thread=f"thread {number % 3}")
    await layers.episodes.index(owner=owner)
    await layers.episodes.tag("t-4", SUPERSEDED, owner=owner)
    await layers.episodes.remove(["t-5"], owner=owner)
    await layers.conversations.remove(["t-5"], owner=owner, thread="thread 2")
    await layers.episodes.index(owner=owner)
    for number in range(3):
        await layers.permanent.upsert("city", PLACES[number], owner=owner, at=AT + timedelta(days=number))
    await layers.permanent.upsert("pet", "Rex 🐕", owner=owner, at=AT)
    await layers.permanent.forget("pet", owner=owner, at=AT + timedelta(days=1))
    await layers.permanent.set_identity("You are terse.", owner=owner)
    await layers.permanent.set_identity(None, owner=owner)
    await layers.feedback.put(
        Feedback(turn_id="t-7", good=False, decisions='{"kept": []}', at=AT), owner=owner
    )
    await layers.labels.put([Label(turn_id="t-7", memory="t-1", relevant=True, at=AT)], owner=owner)
    await layers.observations.put(observation(owner), owner=owner)
    await layers.reminders.put(reminder(owner))


def turn(owner: str, number: int, draw: random.Random) -> Episode:
    pasted = Part(text="Best before \u2028 May", carrier=Carrier.DOCUMENT, source="label.pdf")
    return Episode(
        turn_id=f"t-{number}",
        owner=owner,
        thread=f"thread {number % 3}",
        message=f"The {draw.choice(THINGS)} {number} is in {draw.choice(PLACES)}." * (1 + number % 2 * 40),
        reply=f"Noted, {draw.choice(THINGS)}." if number % 4 else "",
        at=AT + timedelta(minutes=number),
        tags=("work",) if number % 5 == 0 else (),
        parts=(pasted,) if number % 7 == 0 else (),
        speaker=Speaker.THIRD_PARTY if number % 11 == 0 else Speaker.OWNER,
        carrier=Carrier.IMPORT if number % 11 == 0 else Carrier.TYPED,
    )


def reminder(owner: str) -> Reminder:
    soon = (datetime.now(UTC) + timedelta(days=9)).replace(tzinfo=None)
    return Reminder(
        id="1",
        owner=owner,
        text="să sun 🐐",
        schedule=Schedule.starting(soon, UTC, "FREQ=DAILY"),
        origin=Origin(box="telegram:1", turn_id="t-1"),
        asked=AT,
    )


def observation(owner: str) -> Observation:
    return Observation(turn_id="t-7", at=AT, owner=owner, thread="thread 1", outcome=Outcome.ANSWERED)


def said(number: int) -> ConversationTurn:
    vain = {"t-1": (0.25, 2)} if number % 2 else None
    return ConversationTurn(
        turn_id=f"t-{number}", message="mă\ud800", reply="da", at=AT, tokens=9, evidence=("x",), in_vain=vain
    )


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with Ana's filled installation, and her export."""
    folder = tmp_path_factory.mktemp("filled")

    async def begin() -> None:
        async with installed(folder / "one") as layers:
            await fill(layers, "ana")
            await export(layers, folder / "one.zip")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graph.layers, "embedding_model", lambda _: HashEmbeddings(part=2000))
        asyncio.run(begin())
    return folder


@pytest.fixture
async def one(filled: Path, tmp_path: Path) -> AsyncIterator[Layers]:
    """Ana's installation, in a folder of the test's own."""
    async with installed(shutil.copytree(filled / "one", tmp_path / "one")) as layers:
        yield layers


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Layers]:
    """An empty installation."""
    async with installed(tmp_path / "two") as layers:
        yield layers


@pytest.fixture
def exported(filled: Path, tmp_path: Path) -> Path:
    """Ana's export, in a folder of the test's own."""
    return Path(shutil.copy2(filled / "one.zip", tmp_path))


async def export(layers: Layers, path: Path, owner: str = "ana") -> bytes:
    await export_owner(layers, owner, path)
    return await asyncio.to_thread(path.read_bytes)


async def bring(layers: Layers, path: Path, owner: str = "ana") -> int:
    with open_export(path) as opened:
        added = await OwnerImport(layers, opened, owner)()
    await layers.episodes.index(owner=owner)
    return added


async def found(layers: Layers, owner: str = "ana") -> list[list[tuple[str, float]]]:
    """Return the ten best of many searches, with their scores."""
    draw = random.Random(11)
    queries = [f"{draw.choice(THINGS)} {draw.choice(PLACES)} {draw.randrange(70)}" for _ in range(QUERIES)]
    results = [await layers.episodes.search(query, owner=owner, limit=10) for query in queries]
    return [[(hit.episode.turn_id, round(hit.score, 9)) for hit in result.hits] for result in results]


async def test_an_export_imported_elsewhere_is_the_same_memory(
    one: Layers, two: Layers, tmp_path: Path
) -> None:
    await fill(one, "ben")
    before = await export(one, tmp_path / "one.zip")
    assert await bring(two, tmp_path / "one.zip") == TURNS - 1
    assert await export(two, tmp_path / "two.zip") == before
    assert await found(two) == await found(one)
    assert await bring(two, tmp_path / "one.zip") == 0, "a second import adds nothing"
    assert await export(two, tmp_path / "again.zip") == before
    assert await two.files.owners() == ["ana"]
    for zone in ("thread 0", "thread 1"):
        read = [await x.conversations.window(owner="ana", thread=zone, max_tokens=99) for x in (one, two)]
        assert read[0] == read[1] != []


async def test_an_import_embeds_nothing_that_the_export_has(two: Layers, exported: Path) -> None:
    await bring(two, exported)
    assert isinstance(two.embeddings, HashEmbeddings)
    assert two.embeddings.embedded <= 100, "the null turns"


async def test_a_grown_export_adds_what_is_new_and_what_was_forgotten_stays_so(
    one: Layers, two: Layers, exported: Path, tmp_path: Path
) -> None:
    await bring(two, exported)
    await two.episodes.remove(["t-8"], owner="ana")
    await two.conversations.remove(["t-8"], owner="ana", thread="thread 2")
    await one.episodes.append(turn("ana", 90, random.Random(1)), shown=["t-1"])
    await one.episodes.tag("t-2", SUPERSEDED, owner="ana")
    await export(one, tmp_path / "late.zip")
    assert await bring(two, tmp_path / "late.zip") == 1
    tagged, grown = await two.episodes.get(["t-2", "t-8", "t-90"], owner="ana")
    assert (SUPERSEDED in tagged.tags, grown.turn_id) == (True, "t-90")
    held = await two.conversations.window(owner="ana", thread="thread 2", max_tokens=9999)
    assert "t-8" not in {turn.turn_id for turn in held}


async def test_of_vectors_by_two_models_those_by_the_model_in_use_are_exported(
    one: Layers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph.layers, "embedding_model", lambda _: HashEmbeddings("hash-2", dimension=64))
    async with installed(tmp_path / "one") as newer, installed(tmp_path / "three") as third:
        async for _ in newer.episodes.reindex(owner="ana"):
            pass
        await export(newer, tmp_path / "newer.zip")
        with open_export(tmp_path / "newer.zip") as opened:
            assert (opened.manifest.embedding_model, opened.manifest.dimension) == ("hash-2", 64)
        await bring(third, tmp_path / "newer.zip")
        assert isinstance(third.embeddings, HashEmbeddings)
        assert third.embeddings.embedded <= 100, "the null turns"
    await export(one, tmp_path / "older.zip")
    with open_export(tmp_path / "older.zip") as opened:
        assert (opened.manifest.embedding_model, opened.manifest.dimension) == ("hash-1", 128)


async def test_imported_vectors_by_another_model_are_compared_with_nothing_until_they_are_replaced(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph.layers, "embedding_model", lambda _: HashEmbeddings("hash-2", dimension=64))
    async with installed(tmp_path / "two") as two:
        with open_export(exported) as opened:
            added = await OwnerImport(two, opened, "ana")()
        told = await two.episodes.search("kettle", owner="ana", limit=1)
        assert (len(told.hits), told.query.model, told.waiting) == (1, "", added)
        await two.episodes.index(owner="ana")
        told = await two.episodes.search("kettle", owner="ana", limit=1)
        assert (len(told.hits), told.query.model, told.waiting) == (1, "hash-2", 0)


def test_an_export_can_be_read_without_this_software(exported: Path) -> None:
    with zipfile.ZipFile(exported) as opened:
        manifest = json.loads(opened.read(MANIFEST))
        rows = {name: [json.loads(line) for line in opened.open(name)] for name in manifest["files"]}
        told = opened.read("README.txt").decode()
    assert all(len(rows[name]) == facts["lines"] > 0 for name, facts in manifest["files"].items())
    assert all(name in told for name in rows)
    assert [row["value"] for row in rows["facts.jsonl"]] == [*PLACES[:3], "Rex 🐕", None]
    assert rows["conversations.jsonl"][0]["conversation"] in {digest(f"thread {n}") for n in range(3)}
    assert exported.stat().st_mode & 0o077 == 0, "only the user may read it"


async def test_what_is_imported_for_another_owner_leads_to_no_one_else(one: Layers, exported: Path) -> None:
    """A replay searches the archive of the owner that an observation names."""
    await bring(one, exported, "ben")
    (seen,) = await one.observations.all(owner="ben")
    assert (seen.owner, seen.turn_id) == ("ben", "t-7")
    assert await found(one, "ben") == await found(one, "ana")


async def test_a_reminder_of_a_terminal_comes_in_the_terminals_of_whoever_imports_it(
    one: Layers, tmp_path: Path
) -> None:
    own = terminal_box("ana")
    await one.reminders.put(replace(reminder("ana"), id="2", origin=Origin(box=own)))
    await export(one, tmp_path / "ana.zip")
    await bring(one, tmp_path / "ana.zip", "ben")
    assert terminal_box("ben") in {each.origin.box for each in await one.reminders.of("ben")}
    due = await one.reminders.due(own, datetime.now(UTC) + timedelta(days=99))
    assert [held.reminder.owner for held in due] == ["ana"]


def files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file()]


Change = Callable[[dict[str, bytes]], None]


def rewritten(path: Path, change: Change) -> Path:
    """Copy an export with changed files."""
    with zipfile.ZipFile(path) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    change(files)
    with zipfile.ZipFile(path.with_name("changed.zip"), "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in files.items():
            written.writestr(name, content)
    return path.with_name("changed.zip")


def edit(files: dict[str, bytes]) -> None:
    files[file_of(FACTS)] = files[file_of(FACTS)].replace(b"Cluj", b"Rome")


def blow_up(files: dict[str, bytes]) -> None:
    files[file_of(FACTS)] = b" " * 100_000_000


def lose(files: dict[str, bytes]) -> None:
    del files[file_of(CONVERSATIONS)]


def outdate(files: dict[str, bytes]) -> None:
    files[MANIFEST] = files[MANIFEST].replace(b'"version": 1', b'"version": 99')


def garble(files: dict[str, bytes]) -> None:
    files[MANIFEST] = b"{}"


def blow_up_a_number(files: dict[str, bytes]) -> None:
    rewrite(files, "turns", b'"access_count": 0', b'"access_count": 1e999')


def misplace_a_vector(files: dict[str, bytes]) -> None:
    """The number of a part is in the lower bits of its key: a larger one is another turn's."""
    rewrite(files, VECTORS, b'"part": 1,', b'"part": 1048577,')


def spoil_a_vector(files: dict[str, bytes]) -> None:
    """Every search would fail to read where the part begins."""
    rewrite(files, VECTORS, b'"first": 0,', b'"first": "x",')


def leave_the_calendar(files: dict[str, bytes]) -> None:
    """In UTC that is a day before the first: the turn could not be read any more."""
    rewrite(files, "turns", b'"at": "2025-03-01T08:30:00.123456+00:00"', b'"at": "0001-01-01T00:00:00+14:00"')


def end_the_calendar(files: dict[str, bytes]) -> None:
    """East of UTC that is a day after the last: the fact could not be shown."""
    rewrite(files, FACTS, b'"at": "2025-03-01T08:30:00.123456+00:00"', b'"at": "9999-12-31T23:59:59+00:00"')


def rewrite(files: dict[str, bytes], name: str, old: bytes, new: bytes) -> None:
    """Change a section with its hash, as somebody would who made the export up."""
    assert old in files[file_of(name)]
    files[file_of(name)] = content = files[file_of(name)].replace(old, new)
    manifest = json.loads(files[MANIFEST])
    manifest["files"][file_of(name)] |= {
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    files[MANIFEST] = json.dumps(manifest).encode()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (edit, r"facts\.jsonl: expected the hash in manifest\.json.*Nothing was imported"),
        (blow_up, r"facts\.jsonl: expected at most 200 times its packed size"),
        (lose, r"expected conversations\.jsonl in it, found none"),
        (outdate, "found 99: upgrade goat2"),
        (garble, "expected the manifest of an export"),
    ],
)
async def test_a_changed_export_is_refused_whole(
    two: Layers, exported: Path, change: Change, says: str
) -> None:
    with pytest.raises(BadImportFile, match=says):
        await bring(two, rewritten(exported, change))
    assert await two.files.owners() == []


@pytest.mark.parametrize(
    "change", [blow_up_a_number, misplace_a_vector, spoil_a_vector, leave_the_calendar, end_the_calendar]
)
async def test_a_record_that_was_made_up_is_named(two: Layers, exported: Path, change: Change) -> None:
    with pytest.raises(BadImportFile, match=r"lines 1 to .*expected a record of an export"):
        await bring(two, rewritten(exported, change))


async def test_what_fails_besides_the_file_is_not_blamed_on_it(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "one.zip", "w") as written:
        forged = Manifest(owner="you\x1b[2J\x1b[HAll is well", embedding_model="", dimension=0, files={})
        written.writestr(MANIFEST, forged.model_dump_json())
    with pytest.raises(typer.Abort), open_export(tmp_path / "one.zip"):
        raise typer.Abort
    with pytest.raises(ConfigError, match="the whole memory of you") as refused:
        await run_export_import(Settings(data_folder=tmp_path / "data"), tmp_path / "one.zip")
    assert "\x1b" not in str(refused.value), "its owner's name cannot wipe the question"


async def test_a_damaged_zip_says_so(two: Layers, exported: Path) -> None:
    content = bytearray(exported.read_bytes())  # noqa: ASYNC240 - small
    content[len(content) // 2] ^= 255
    exported.write_bytes(content)  # noqa: ASYNC240 - small
    assert is_export(exported)
    with pytest.raises(BadImportFile, match="export it again"):
        await bring(two, exported)


async def test_an_export_overwrites_nothing_and_leaves_nothing_half_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Sequence[object]:
        raise OSError("the disk is full")

    (tmp_path / "mine.zip").write_bytes(b"mine")
    async with installed(tmp_path / "one") as one:
        with pytest.raises(FileExistsError):
            await export(one, tmp_path / "mine.zip")
        monkeypatch.setattr("bot.exports.owner_export.read_vectors", fail)
        with pytest.raises(Exception, match="the disk is full"):
            await export(one, tmp_path / "fresh.zip")
    assert [(path.name, path.read_bytes()) for path in files(tmp_path)] == [("mine.zip", b"mine")]
