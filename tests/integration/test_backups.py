"""A backup of a running agent is whole and comes back as it was; a restore overwrites nothing."""

import asyncio
import itertools
import random
import re
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.backups.backup_folder import BackedUpFile, is_encrypted, open_backups
from bot.backups.data_backup import back_up, restore
from bot.backups.sealing import BackupRefused
from graph.layers import Layers, open_layers
from graph.settings.settings import Settings
from memory.models import ConversationTurn, Episode
from tests.goat import Goat

AT = datetime(2025, 3, 1, tzinfo=UTC)
SECRET = "correct horse battery"

pytestmark = pytest.mark.usefixtures("hash_vectors")


@pytest.fixture(autouse=True)
def _quick_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Derive keys in a millisecond, which takes guesses a quarter of a second."""
    monkeypatch.setattr("bot.backups.sealing._COST", 2**8)


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Layers]:
    async with open_layers(Settings(data_folder=folder, timezone="UTC")) as layers:
        yield layers


async def say(layers: Layers, number: int) -> None:
    text = f"The kettle number {number} is in Cluj, {random.Random(number).randbytes(2000).hex()}"
    episode = Episode(turn_id=f"t-{number}", owner="ana", thread="t", message=text, reply="ok", at=AT)
    said = ConversationTurn(turn_id=f"t-{number}", message=text, reply="ok", at=AT, tokens=9)
    await layers.episodes.append(episode)
    await layers.conversations.append(said, owner="ana", thread="t")


async def spoken(layers: Layers) -> tuple[list[str], list[str]]:
    """Return the turns of the archive, and of the conversation."""
    archived = [episode.turn_id async for episode in layers.episodes.all(owner="ana")]
    window = await layers.conversations.window(owner="ana", thread="t", max_tokens=10**6)
    return archived, [turn.turn_id for turn in window]


async def found(layers: Layers) -> list[tuple[str, float]]:
    await layers.episodes.index(owner="ana")
    hits = (await layers.episodes.search("kettle 7 Cluj", owner="ana", limit=5)).hits
    assert all(hit.evidence.cosine is not None for hit in hits)
    return [(hit.episode.turn_id, round(hit.score, 6)) for hit in hits]


async def saved(data: Path, backups: Path, passphrase: str = "") -> tuple[str, int]:
    """Back up on a thread; return the backup's name and the bytes added."""

    def work() -> tuple[str, int]:
        with open_backups(backups, passphrase, create=True) as opened:
            return back_up(data, opened), opened.added

    return await asyncio.to_thread(work)


def brought(backups: Path, data: Path, passphrase: str = "", name: str = "") -> None:
    with open_backups(backups, passphrase) as opened:
        restore(opened.get(name or opened.names()[-1]), opened, data)


async def test_a_backup_of_a_running_agent_is_restored_as_it_was(tmp_path: Path) -> None:
    data, backups, back = tmp_path / "data", tmp_path / "backups", tmp_path / "back"
    async with running(data) as layers:
        for number in range(10):
            await say(layers, number)
        await layers.permanent.upsert("city", "Cluj", owner="ana", at=AT)
        before = await found(layers)
        enough = asyncio.Event()
        writing = asyncio.create_task(_talk(layers, enough))
        await saved(data, backups)
        enough.set()
        await writing
    brought(backups, back)
    async with running(back) as layers:
        archived, conversation = await spoken(layers)
        assert len(archived) >= len(conversation) >= 10, "no turn of the conversation lacks in the archive"
        assert archived == [f"t-{number}" for number in range(len(archived))]
        assert [fact.value for fact in await layers.permanent.facts(owner="ana")] == ["Cluj"]
        await layers.episodes.remove([name for name in archived if int(name[2:]) > 9], owner="ana")
        assert await found(layers) == before
    assert (back.stat().st_mode & 0o077, (back / "owners").stat().st_mode & 0o077) == (0, 0)


async def _talk(layers: Layers, enough: asyncio.Event) -> None:
    """Write turns until it is enough; Python 3.11 loses a cancellation within `wait_for` now and then."""
    for number in itertools.takewhile(lambda _: not enough.is_set(), itertools.count(10)):
        await say(layers, number)


async def test_a_later_backup_stores_only_what_changed(tmp_path: Path) -> None:
    data, backups = tmp_path / "data", tmp_path / "backups"
    async with running(data) as layers:
        for number in range(150):
            await say(layers, number)
        _, whole = await saved(data, backups)
        name, again = await saved(data, backups)
        await say(layers, 150)
        _, more = await saved(data, backups)
    assert max(again, more) < whole / 3
    brought(backups, tmp_path / "earlier", name=name)
    async with running(tmp_path / "earlier") as layers:
        assert len((await spoken(layers))[0]) == 150
    with open_backups(backups) as opened:
        assert opened.keep_last(1) == 2
        assert len(opened.names()) == 1
    brought(backups, tmp_path / "latest")


async def test_files_that_are_no_backups_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    name, _ = await saved(tmp_path / "data", tmp_path / "backups")
    for stray in (".DS_Store", "Thumbs.db", "notes", f"._{name}", f"{name}.new", "latest"):
        (tmp_path / "backups" / "backups" / stray).write_bytes(b"x")
    later, _ = await saved(tmp_path / "data", tmp_path / "backups")
    with open_backups(tmp_path / "backups") as opened:
        assert opened.names() == [name, later]
        assert opened.keep_last(1) == 1
    brought(tmp_path / "backups", tmp_path / "back")


@pytest.mark.parametrize("secret", ["", SECRET])
async def test_a_damaged_list_stops_the_removal_of_older_backups_alone(tmp_path: Path, secret: str) -> None:
    (tmp_path / "data").mkdir()
    first, _ = await saved(tmp_path / "data", tmp_path / "backups", secret)
    damaged, _ = await saved(tmp_path / "data", tmp_path / "backups", secret)
    (tmp_path / "backups" / "backups" / damaged).write_bytes(b"x")
    last, _ = await saved(tmp_path / "data", tmp_path / "backups", secret)
    with open_backups(tmp_path / "backups", secret) as opened:
        assert opened.keep_last(3) == 0
        with pytest.raises(BackupRefused, match=f"the backup {re.escape(damaged)} is damaged. Delete "):
            opened.keep_last(2)
        assert opened.names() == [first, damaged, last]
        assert opened.keep_last(1) == 2


async def test_the_newest_backup_is_kept_also_when_the_clock_went_back(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    first, _ = await saved(tmp_path / "data", tmp_path / "backups")
    with open_backups(tmp_path / "backups") as opened:
        opened.put("2999-01-01T00-00-00-000000", opened.get(first))
    newest, _ = await saved(tmp_path / "data", tmp_path / "backups")
    with open_backups(tmp_path / "backups") as opened:
        assert opened.keep_last(1) == 2
        assert opened.names() == [newest]


async def test_a_backup_on_a_medium_that_cannot_be_written_is_restored(tmp_path: Path) -> None:
    data, backups = tmp_path / "data", tmp_path / "backups"
    data.mkdir()
    (data / "notes.txt").write_bytes(b"milk")
    await saved(data, backups)
    with (
        open_backups(backups),
        pytest.raises(BackupRefused, match="Another process uses"),
    ):
        brought(backups, tmp_path / "back")
    (backups / "lock").unlink()
    (backups / "lock").mkdir()  # cannot be locked, for root neither
    brought(backups, tmp_path / "back")
    assert (tmp_path / "back" / "notes.txt").read_bytes() == b"milk"
    with pytest.raises(BackupRefused, match="cannot be used"):
        await saved(data, backups)


async def test_without_the_passphrase_nothing_can_be_read(tmp_path: Path) -> None:
    data, backups = tmp_path / "data", tmp_path / "backups"
    async with running(data) as layers:
        await say(layers, 1)
    await saved(data, backups, SECRET)
    kept = b"".join(path.read_bytes() for path in backups.rglob("*") if path.is_file())
    assert not any(word in kept for word in (b"kettle", b"owners", b"sqlite", SECRET.encode()))
    for passphrase, says in (("", "is encrypted"), ("wrong", "not the one")):
        with pytest.raises(BackupRefused, match=says):
            brought(backups, tmp_path / "back", passphrase)
    brought(backups, tmp_path / "back", SECRET)
    async with running(tmp_path / "back") as layers:
        assert await spoken(layers) == (["t-1"], ["t-1"])


def change_chunk(backups: Path) -> None:
    chunk = max((backups / "chunks").glob("*/*"), key=lambda path: path.stat().st_size)
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 1
    chunk.write_bytes(content)


def lose_chunk(backups: Path) -> None:
    next((backups / "chunks").glob("*/*")).unlink()


def change_list(backups: Path) -> None:
    path = next((backups / "backups").iterdir())
    path.write_bytes(path.read_bytes()[:-9])


@pytest.mark.parametrize("passphrase", ["", SECRET])
@pytest.mark.parametrize("damage", [change_chunk, lose_chunk, change_list])
async def test_a_damaged_backup_is_not_restored(
    tmp_path: Path, damage: Callable[[Path], None], passphrase: str
) -> None:
    data, backups = tmp_path / "data", tmp_path / "backups"
    (data / "owners").mkdir(parents=True)
    (data / "notes.txt").write_bytes(b"milk")
    await saved(data, backups, passphrase)
    damage(backups)
    with pytest.raises(BackupRefused):
        brought(backups, tmp_path / "back", passphrase)
    left = await asyncio.to_thread(lambda: sorted(path.name for path in tmp_path.iterdir()))
    assert left == ["backups", "data"]


@pytest.mark.parametrize("secret", ["", SECRET])
async def test_a_damaged_part_is_stored_again_by_the_next_backup(tmp_path: Path, secret: str) -> None:
    data, backups, back = tmp_path / "data", tmp_path / "backups", tmp_path / "back"
    async with running(data) as layers:
        await say(layers, 1)
    first, _ = await saved(data, backups, secret)
    for part in (backups / "chunks").glob("*/*"):
        part.write_bytes(b"")
    with pytest.raises(BackupRefused, match="the backup"):
        brought(backups, back, secret)

    await saved(data, backups, secret)

    brought(backups, back, secret, first)
    async with running(back) as layers:
        assert (await spoken(layers))[0] == ["t-1"]


async def test_a_damaged_database_is_not_backed_up(tmp_path: Path) -> None:
    data, backups = tmp_path / "data", tmp_path / "backups"
    async with running(data) as layers:
        for number in range(50):
            await say(layers, number)
    (file,) = (data / "owners").glob("*.sqlite")
    content = bytearray(file.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    file.write_bytes(content)
    with pytest.raises(BackupRefused, match=r"is damaged|cannot be copied"):
        await saved(data, backups)
    with open_backups(backups) as opened:
        assert opened.names() == []


async def test_a_restore_overwrites_nothing(tmp_path: Path) -> None:
    data, backups, other = tmp_path / "data", tmp_path / "backups", tmp_path / "other"
    async with running(data) as layers:
        await say(layers, 1)
        await saved(data, backups)
        with pytest.raises(BackupRefused, match="An agent runs on"):
            brought(backups, data)
    with pytest.raises(BackupRefused, match="has files"):
        brought(backups, data)
    (other / ".restoring" / "owners").mkdir(parents=True)
    (other / ".restoring" / "owners" / "half").write_bytes(b"of a restore that was killed")
    place = other.stat().st_ino
    brought(backups, other)
    assert other.stat().st_ino == place, "a mounted volume cannot be replaced"
    kept = await asyncio.to_thread(lambda: [path.name for path in other.iterdir()])
    assert "owners" in kept
    assert ".restoring" not in kept
    assert not (other / "owners" / "half").exists()


def test_a_path_never_leads_out_of_the_data_folder(tmp_path: Path) -> None:
    for path in ("../x", "/etc/passwd", "a/../../x", ""):
        with pytest.raises(BackupRefused, match="leads out"):
            BackedUpFile(path=path, size=0, chunks=[]).place_in(tmp_path)


async def test_backups_do_not_contain_backups(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"milk")
    with pytest.raises(BackupRefused, match="is in the data folder"):
        await saved(tmp_path, tmp_path / "backups")


async def test_a_folder_that_is_a_link_is_named_instead_of_left_out(tmp_path: Path) -> None:
    data, disk = tmp_path / "data", tmp_path / "disk"
    data.mkdir()
    disk.mkdir()
    for name in ("models", "redis"):
        (data / name).symlink_to(disk)
    (data / "file").symlink_to(disk / "none")
    await saved(data, tmp_path / "backups")
    (data / "owners").symlink_to(disk)
    with pytest.raises(BackupRefused, match=r"owners is a link to another folder.*mount --bind"):
        await saved(data, tmp_path / "backups")


async def test_another_folder_is_not_taken_for_backups(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "photo.jpg").write_bytes(b"x")
    with pytest.raises(BackupRefused, match="has other files"):
        await saved(tmp_path, tmp_path / "mine")
    with pytest.raises(BackupRefused, match="has no backups"):
        brought(tmp_path / "none", tmp_path / "back")


@pytest.mark.parametrize(
    "settings", ["", "[]", "{}", "\xff", '{"format": "goat-backup", "version": 1, "encrypted": true}']
)
def test_damaged_settings_of_backups_are_refused(tmp_path: Path, settings: str) -> None:
    (tmp_path / "goat-backup.json").write_text(settings, "latin-1")
    with pytest.raises(BackupRefused, match=r"has no backups|are damaged"):
        brought(tmp_path, tmp_path / "back", SECRET)
    assert is_encrypted(tmp_path) == ("true" in settings)


async def test_the_commands_say_what_they_did(
    tmp_path: Path, goat: Goat, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, backups = tmp_path / "data", tmp_path / "backups"
    monkeypatch.setenv("GOAT_DATA_FOLDER", str(data))
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    async with running(data) as layers:
        await say(layers, 1)
    secret = ("--passphrase-file", str(tmp_path / "secret"))
    said = goat("backup", str(backups), *secret, "--keep", "3")
    assert "It is verified." in " ".join(said.shown.split())
    assert "has files" in goat("restore", str(backups), *secret).shown
    shutil.rmtree(data)
    assert goat("restore", str(backups), *secret).status == 0
    async with running(data) as layers:
        assert await spoken(layers) == (["t-1"], ["t-1"])


async def test_a_backup_succeeds_next_to_a_damaged_one(
    tmp_path: Path, goat: Goat, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("GOAT_DATA_FOLDER", str(tmp_path / "data"))
    backups = tmp_path / "backups"
    await saved(tmp_path / "data", backups)
    damaged, _ = await saved(tmp_path / "data", backups)
    (backups / "backups" / damaged).write_bytes(b"x")
    assert goat("backup", str(backups)).status == 0
    said = goat("backup", str(backups), "--keep", "3")
    assert said.status == 0
    shown = " ".join(said.shown.split())
    assert 0 < shown.find("It is verified.") < shown.find("were not deleted"), shown
    (backups / "backups" / damaged).unlink()
    assert "Older backups deleted: 1." in " ".join(goat("backup", str(backups), "--keep", "3").shown.split())


async def test_a_passphrase_file_opens_what_the_same_words_typed_began(
    tmp_path: Path, goat: Goat, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, typed, stripped = tmp_path / "data", tmp_path / "typed", tmp_path / "stripped"
    data.mkdir()
    monkeypatch.setenv("GOAT_DATA_FOLDER", str(data))
    await saved(data, typed, f"{SECRET} ")
    await saved(data, stripped, SECRET)
    (tmp_path / "secret").write_bytes(f"{SECRET} \r\n".encode())
    for backups in (typed, stripped, tmp_path / "new"):
        said = goat("backup", str(backups), "--passphrase-file", str(tmp_path / "secret"))
        assert said.status == 0, said.shown
    brought(tmp_path / "new", tmp_path / "back", f"{SECRET} ")
    with pytest.raises(BackupRefused, match="not the one"):
        brought(typed, tmp_path / "other", SECRET)
