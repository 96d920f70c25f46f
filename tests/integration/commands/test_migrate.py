"""`goat migrate`: every owner goes to PostgreSQL and back, whole and compared, or not at all."""

import asyncio
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.commands import migrate_command
from graph.settings.settings import Settings
from graph.stores import redis_connection
from memory.database import Database, OwnerTables
from memory.episodic.episode_archive import EpisodeArchive
from memory.episodic.log.episode_log import TIER, EpisodeLog
from memory.episodic.log.feedback_log import Feedback, FeedbackLog
from memory.episodic.vectors.vector_backend import ChromaLocation
from memory.episodic.vectors.vector_index import VectorIndex
from memory.errors import ConfigError
from memory.models import ConversationTurn, Episode
from memory.owners import owner_copy
from memory.owners.owner_copy import COPIED
from memory.owners.owner_files import OwnerFiles
from memory.owners.owner_partitions import OwnerPartitions
from memory.owners.postgres_schema import TABLES
from memory.permanent.embedded_store import EmbeddedPermanentStore
from memory.working.redis_conversation import RedisConversation
from tests.servers.hash_embeddings import HashEmbeddings
from tests.servers.postgres import PostgresServer

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
OWNERS = ["", "ana", "b\0ob 🦉"]
DERIVED = {"owner", "keys", "postings"}


def episode(number: int, owner: str) -> Episode:
    message = f"note {number} on GOAT-{number}, {'zebra ' * (number % 4)}\0"
    return Episode(
        turn_id=f"t{number}",
        owner=owner,
        thread=f"{number % 2}",
        message=message,
        reply="done " * (40 * (number % 3)),
        at=AT + timedelta(minutes=number),
    )


async def fill(tables: OwnerTables, folder: Path) -> None:
    archive = EpisodeArchive(tables, VectorIndex(ChromaLocation(folder=folder)), HashEmbeddings())
    facts = EmbeddedPermanentStore(tables, count_tokens=len, max_tokens=10**6)
    for size, owner in enumerate(OWNERS, start=1):
        await archive.append_many(episode(number, owner) for number in range(size * 30))
        await archive.index(owner=owner)
        await archive.remove(["t3"], owner=owner)
        await archive.index(owner=owner)
        await facts.upsert("boat", "Merganser", owner=owner, at=AT)
        await facts.forget("boat", owner=owner, at=AT)
        await facts.set_identity("a pirate", owner=owner)
        await FeedbackLog(tables).put(Feedback(turn_id="t1", good=True, decisions="[]", at=AT), owner=owner)
    await archive.close()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of owners with an archive and facts each."""
    folder = tmp_path_factory.mktemp("filled")

    async def begin() -> None:
        files = OwnerFiles(folder / "owners")
        await fill(files, folder / "chroma")
        await files.close()

    asyncio.run(begin())
    return folder / "owners"


@pytest.fixture
def settings(filled: Path, tmp_path: Path, postgres: PostgresServer) -> Settings:
    shutil.copytree(filled, tmp_path / "data" / "owners")
    return Settings(data_folder=tmp_path / "data", archive_url=SecretStr(postgres.new_url()))


async def migrate(settings: Settings, to: str, capsys: pytest.CaptureFixture[str], **how: bool) -> list[str]:
    """Migrate; return the lines that tell of owners, after whether one failed."""
    failed = await migrate_command.run_migration(settings, to, **how)
    return [str(failed), *re.findall("(copied|there already|not copied)", capsys.readouterr().out)]


async def test_all_owners_go_there_and_back(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = settings.archive_url.get_secret_value()
    assert await migrate(settings, url, capsys) == ["False", *["copied"] * 3]
    assert await migrate(settings, url, capsys) == ["False", *["there already"] * 3]
    served = OwnerPartitions(settings.archive_url)
    assert await served.owners() == OWNERS
    later = episode(500, "ana")
    assert await EpisodeLog(served).append(later)
    assert await migrate(settings, url, capsys) == ["True", "there already", "not copied", "there already"]
    assert await EpisodeLog(served).get(["t500"], owner="ana") == [later]
    assert await migrate(settings, str(tmp_path / "new"), capsys) == ["False", *["copied"] * 3]
    files = OwnerFiles(tmp_path / "new" / "owners")
    assert await EpisodeLog(files).get(["t500", "t0"], owner="ana") == [later, episode(0, "ana")]
    assert await EpisodeLog(files).append(episode(501, "ana"))
    await served.close()
    await files.close()
    assert await migrate(settings, url, capsys, replace=True) == [
        *("False", "there already", "copied", "there already")
    ]


async def test_an_owner_that_was_erased_in_the_source_is_named_when_the_target_has_it(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await migrate(settings, settings.archive_url.get_secret_value(), capsys)
    served = OwnerPartitions(settings.archive_url)
    await served.erase("ana")
    await served.close()
    await migrate_command.run_migration(settings, str(settings.data_folder))
    said = capsys.readouterr().out
    assert "The target also has 1 owner, left as found: ana." in said
    assert "goat forget --everything --owner" in said
    await migrate_command.run_migration(settings, str(tmp_path / "new"))
    assert "The target also has" not in capsys.readouterr().out


async def test_an_owner_whose_file_is_damaged_is_named_and_nothing_may_be_deleted(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = OwnerFiles(settings.data_folder / "owners").path("ana")
    damaged.write_bytes(b"no database at all" * 300)
    assert await migrate_command.run_migration(settings, settings.archive_url.get_secret_value())
    said = capsys.readouterr().out
    assert f"{damaged} cannot be read, so its owner is not copied." in said
    assert "All owners are there" not in said


async def test_the_archive_there_goes_on_without_embedding_again(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await migrate(settings, settings.archive_url.get_secret_value(), capsys)
    served, embeddings = OwnerPartitions(settings.archive_url), HashEmbeddings()
    archive = EpisodeArchive(served, VectorIndex(ChromaLocation(folder=tmp_path / "new")), embeddings)
    assert not any([progress.error async for progress in archive.reconcile()])
    found = await archive.search("zebra on GOAT-7", owner="ana", limit=5)
    assert found.problems == ()
    assert all(hit.evidence.cosine is not None for hit in found.hits)
    assert embeddings.embedded == 0
    await archive.close()
    await served.close()


async def test_a_copy_that_breaks_off_leaves_nothing_of_the_owner(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = settings.archive_url.get_secret_value()

    def killed(_: Database) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(owner_copy, "derive_all", killed)
        with pytest.raises(KeyboardInterrupt):
            await migrate_command.run_migration(settings, url)
    served = OwnerPartitions(settings.archive_url)
    assert await served.owners() == []
    await served.close()
    assert await migrate(settings, url, capsys) == ["False", *["copied"] * 3]


async def test_without_a_server_there_is_nothing_to_copy_from(settings: Settings, tmp_path: Path) -> None:
    embedded = settings.model_copy(update={"archive_url": SecretStr("")})
    with pytest.raises(ConfigError, match="Neither GOAT_ARCHIVE_URL nor GOAT_REDIS_URL is set"):
        await migrate_command.run_migration(embedded, str(tmp_path))


def test_every_table_is_copied_or_derived() -> None:
    assert set(COPIED) | DERIVED == set(TABLES)
    assert not set(COPIED) & DERIVED
    assert TIER == "episodic"


async def test_a_place_that_is_no_server_of_ours_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--to takes postgresql://"):
        await migrate_command.run_migration(Settings(data_folder=tmp_path), "mysql://x")


async def test_what_redis_has_goes_there_and_back(
    tmp_path: Path, valkey_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(data_folder=tmp_path / "data")
    turn = ConversationTurn(turn_id="t", message="how deep?", reply="2 m", at=AT, tokens=9)
    embedded = redis_connection(settings)
    assert await RedisConversation(embedded.client).append(turn, owner="ana", thread="1")
    await embedded.close()
    assert not await migrate_command.run_migration(settings, valkey_url)
    on_server = settings.model_copy(update={"redis_url": SecretStr(valkey_url)})
    assert not await migrate_command.run_migration(on_server, str(tmp_path / "back"))
    assert "Remove the URLs" in capsys.readouterr().out
    with pytest.raises(ConfigError, match="GOAT_REDIS_URL names the target already"):
        await migrate_command.run_migration(on_server, valkey_url.replace("127.0.0.1", "localhost"))
    back = redis_connection(Settings(data_folder=tmp_path / "back"))
    found = await RedisConversation(back.client).window(owner="ana", thread="1", max_tokens=99)
    await back.close()
    assert [one.message for one in found] == ["how deep?"]
