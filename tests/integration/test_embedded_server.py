# ruff: noqa: ASYNC240 - small temporary folders
import asyncio
import gc
import os
import signal
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest
from redis.asyncio import Redis

from memory.errors import DataFolderError, TierUnavailable
from memory.working.embedded_server import EmbeddedServer
from memory.working.redis_connection import RedisConnection, translate_errors
from tests.nursery import Life, Nursery

_OTHER_USER = 65534
_USER = """
import asyncio, pathlib, sys
from memory.working.embedded_server import EmbeddedServer

async def main():
    server = EmbeddedServer(pathlib.Path(sys.argv[1]))
    print(await server.ensure(), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await server.close()

asyncio.run(main())
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="goat-") as path:
        yield Path(path).resolve() / "data"


@dataclass(frozen=True)
class User:
    """A process that uses the folder's server."""

    life: Life
    stdin: IO[str]

    async def leave(self) -> None:
        """Tell it to leave, and wait until it has."""
        self.stdin.write("\n")
        self.stdin.close()
        assert await asyncio.to_thread(self.life.wait) == 0

    async def kill(self) -> None:
        await asyncio.to_thread(self.life.kill)


@asynccontextmanager
async def user(nursery: Nursery, folder: Path) -> AsyncIterator[User]:
    """Run a process that uses the folder's server until it is told to leave."""
    (its_input, ours), (reading, its_output) = os.pipe(), os.pipe()
    words = ("-c", _USER, str(folder))
    life = nursery.begin(*words, environment=os.environ, stdin=its_input, stdout=its_output, stderr=2)
    os.close(its_input)
    os.close(its_output)
    with os.fdopen(reading) as said, os.fdopen(ours, "w") as stdin:
        try:
            await asyncio.to_thread(said.readline)
            yield User(life, stdin)
        finally:
            await asyncio.to_thread(life.kill)


def server_pid(folder: Path) -> int:
    return int((folder / "redis.pid").read_text())


async def is_running(path: str) -> bool:
    try:
        _, writer = await asyncio.open_unix_connection(path)
    except (FileNotFoundError, ConnectionRefusedError):
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def kill_server(folder: Path) -> None:
    os.kill(server_pid(folder), signal.SIGKILL)
    while await is_running(str(folder / "redis.sock")):  # noqa: ASYNC110 - another process changes it
        await asyncio.sleep(0.01)


def embedded(folder: Path) -> EmbeddedServer:
    return EmbeddedServer(folder)


def connected(folder: Path) -> RedisConnection:
    return RedisConnection("", embedded(folder))


async def test_users_share_one_server_and_the_last_one_stops_it(nursery: Nursery, folder: Path) -> None:
    server = embedded(folder)
    path = await server.ensure()
    pid = server_pid(folder)
    async with user(nursery, folder) as first, user(nursery, folder) as second:
        assert server_pid(folder) == pid
        await server.close()
        assert await is_running(path)
        await first.leave()
        assert await is_running(path)
        await second.leave()
    assert not await is_running(path)


async def test_two_in_one_process_count_as_two(folder: Path) -> None:
    first, second = embedded(folder), embedded(folder)
    path, same = await asyncio.gather(first.ensure(), second.ensure())
    assert path == same
    await first.close()
    await first.close()
    assert await is_running(path)
    await second.close()
    assert not await is_running(path)


async def test_a_killed_user_does_not_keep_the_server(nursery: Nursery, folder: Path) -> None:
    server = embedded(folder)
    async with user(nursery, folder) as other:
        path = await server.ensure()
        await other.kill()
        assert await is_running(path)
        await server.close()
    assert not await is_running(path)


async def test_the_server_outlives_the_user_that_started_it(nursery: Nursery, folder: Path) -> None:
    async with user(nursery, folder) as starter:
        server = embedded(folder)
        path = await server.ensure()
        await starter.kill()
    assert await is_running(path)
    await server.close()


async def test_arriving_while_the_last_one_leaves(folder: Path) -> None:
    for _ in range(3):
        leaving, arriving = embedded(folder), embedded(folder)
        await leaving.ensure()
        _, path = await asyncio.gather(leaving.close(), arriving.ensure())
        assert await is_running(path)
        await arriving.close()
        assert not await is_running(path)


async def test_data_survives_and_is_private(folder: Path) -> None:
    connection = connected(folder)
    await (await connection.client()).set("k", "v")
    await connection.close()
    assert await (await connection.client()).get("k") == b"v"
    await connection.close()
    for path in [folder, *folder.rglob("*")]:
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


async def test_a_killed_server_is_started_again_on_next_use(folder: Path) -> None:
    connection = connected(folder)
    client = await connection.client()
    await client.set("k", "v")
    await kill_server(folder)
    assert await client.get("k") == b"v"
    await kill_server(folder)
    values = await asyncio.gather(*(client.get("k") for _ in range(8)))
    assert values == [b"v"] * 8
    await connection.close()


async def test_what_it_acknowledges_is_on_disk(folder: Path) -> None:
    connection = connected(folder)
    client = await connection.client()
    async with client.pipeline(transaction=False) as pipeline:
        pipeline.set("k", "v")
        pipeline.execute_command("WAITAOF", 1, 0, 0)
        assert await pipeline.execute() == [True, [1, 0]]
    assert await client.config_get("appendfsync") == {"appendfsync": "always"}
    await connection.close()


async def test_waits_until_the_data_is_loaded(folder: Path) -> None:
    connection = connected(folder)
    client = await connection.client()
    await client.eval("for n = 1, 20000 do redis.call('SET', 'key' .. n, n) end", 0)
    await connection.close()
    assert await (await connection.client()).dbsize() == 20_000
    await connection.close()


async def test_a_cut_off_append_only_file_is_loaded(folder: Path) -> None:
    connection = connected(folder)
    await (await connection.client()).set("k", "v")
    await connection.close()
    increment = next((folder / "redis.aof").glob("*.incr.aof"))
    increment.write_bytes(increment.read_bytes() + b"*3\r\n$3\r\nSET\r\n$1")
    assert await (await connection.client()).get("k") == b"v"
    await connection.close()


async def test_a_long_folder_path_gets_a_short_socket(folder: Path) -> None:
    deep = folder / ("a" * 60) / ("b" * 60)
    connection = connected(deep)
    client = await connection.client()
    path = Path(client.connection_pool.connection_kwargs["path"])
    assert path.parent.parent == Path(tempfile.gettempdir())
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert await client.ping()
    await connection.close()
    path.parent.chmod(0o755)
    with pytest.raises(DataFolderError, match="private"):
        await connection.client()
    await connection.close()
    path.parent.rmdir()


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Give up root's power to write everywhere."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(_OTHER_USER)
    try:
        yield
    finally:
        os.seteuid(user)


async def test_a_read_only_folder_is_refused(folder: Path) -> None:
    folder.parent.chmod(0o755)
    folder.mkdir()
    if os.geteuid() == 0:
        os.chown(folder, _OTHER_USER, -1)
    folder.chmod(0o500)
    with ordinary_user(), pytest.raises(DataFolderError, match=r"Permission denied.*GOAT_DATA_FOLDER"):
        await embedded(folder).ensure()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder of another user")
async def test_a_folder_of_another_user_is_refused(folder: Path) -> None:
    folder.parent.chmod(0o755)
    folder.mkdir(mode=0o777)
    with ordinary_user(), pytest.raises(DataFolderError, match="another user"):
        await embedded(folder).ensure()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
async def test_a_full_disk_is_refused(folder: Path) -> None:
    folder.mkdir()
    (folder / "redis.probe").symlink_to("/dev/full")
    with pytest.raises(DataFolderError, match="No space left"):
        await embedded(folder).ensure()


async def test_a_server_that_does_not_start_is_quoted_with_advice_that_helps(folder: Path) -> None:
    server = embedded(folder)
    await server.ensure()
    await server.close()
    (folder / "redis.aof" / "appendonly.aof.manifest").write_text("nonsense")
    with pytest.raises(TierUnavailable, match=r"AOF manifest.*move .*redis\.aof away.*GOAT_REDIS_URL"):
        await server.ensure()
    (folder / "redis.aof").rename(folder / "moved away")
    await server.ensure()
    await server.close()


async def test_a_server_that_hangs_is_not_waited_for_long(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = embedded(folder)
    await server.ensure()
    os.kill(server_pid(folder), signal.SIGSTOP)
    try:
        with monkeypatch.context() as patch:
            patch.setattr("memory.working.embedded_server._START_SECONDS", 10**6)
            patch.setattr("memory.working.embedded_server._SILENCE_SECONDS", 0.1)
            patch.setattr("memory.working.embedded_server._ANSWER_SECONDS", 0.1)
            with pytest.raises(TierUnavailable, match="no answer"):
                await asyncio.wait_for(server.ensure(), 100)
    finally:
        os.kill(server_pid(folder), signal.SIGCONT)
    assert await is_running(await server.ensure())
    await server.close()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_new_event_loop_gets_a_new_client(folder: Path) -> None:
    connection = connected(folder)

    async def count() -> int:
        return await (await connection.client()).incr("n")

    async def finish() -> None:
        await connection.close()

    assert [asyncio.run(count()), asyncio.run(count())] == [1, 2]
    asyncio.run(finish())
    gc.collect()
    assert not (folder / "redis.sock").exists()


async def test_an_unreachable_server_is_named_without_its_password_and_tried_once() -> None:
    connection = RedisConnection("redis://me:secret@127.0.0.1:1")
    client: Redis = await connection.client()
    with pytest.raises(TierUnavailable, match=r"127\.0\.0\.1:1") as caught:
        async with translate_errors():
            await client.ping()
    assert "secret" not in str(caught.value)
    retry = client.get_retry()
    assert retry is not None
    assert retry.get_retries() == 0
    await connection.close()
