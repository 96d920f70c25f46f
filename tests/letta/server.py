"""Letta and its PostgreSQL, on free loopback ports."""

import os
import pwd
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.letta.installing import Installed, run, say
from tests.servers.chroma import free_port

SECONDS = 300.0
PASSWORD = "only-for-tests"
MIGRATED, USED = "migrated", "letta"
"""Databases: with Letta's tables, and the copy that a run uses."""


@contextmanager
def running_postgres(installed: Installed) -> Iterator[str]:
    """Run PostgreSQL until the block ends; yield the address of an empty Letta database."""
    folder, port, done = installed.folder, free_port(), installed.folder / "migrated"
    address = ["-h", "127.0.0.1", "-p", port]

    def sql(statement: str, database: str = "postgres") -> None:
        run(
            [installed.postgres("psql"), *address, "-U", "letta", "-d", database, "-qc", statement],
            cwd=folder,
        )

    def is_ready() -> bool:
        asked = [str(word) for word in (installed.postgres("pg_isready"), "-q", *address)]
        return subprocess.run(asked, check=False).returncode == 0

    if not done.exists():
        _make_cluster(installed, folder / "postgres")
    # Durability does not matter here.
    settings = ["listen_addresses=127.0.0.1", f"unix_socket_directories={folder / 'postgres'}", "fsync=off"]
    words = [word for setting in settings for word in ("-c", setting)]
    command = [installed.postgres("postgres"), "-D", folder / "postgres", "-p", port, *words]
    with _serving("PostgreSQL", command, folder, is_ready, **_as_nobody()):
        if not done.exists():
            say("Making its tables (once)")
            sql(f"create database {MIGRATED}")
            sql("create extension vector", MIGRATED)
            env = {"LETTA_PG_URI": f"postgresql://letta@127.0.0.1:{port}/{MIGRATED}", "HOME": str(folder)}
            run([installed.script("alembic"), "upgrade", "head"], cwd=installed.sources, env=env)
            done.touch()
        sql(f"drop database if exists {USED}")
        sql(f"create database {USED} template {MIGRATED}")
        yield f"postgresql://letta@127.0.0.1:{port}/{USED}"


@contextmanager
def running_letta(installed: Installed, database: str) -> Iterator[str]:
    """Run Letta until the block ends; yield its URL."""
    port, home = free_port(), installed.folder / "home"
    home.mkdir(exist_ok=True)
    url = f"http://127.0.0.1:{port}"
    env = {
        "HOME": str(home),
        "LETTA_DIR": str(home / ".letta"),
        "LETTA_PG_URI": f"{database}?sslmode=disable",
        "LETTA_SERVER_SECURE": "true",
        "LETTA_SERVER_PASSWORD": PASSWORD,
    }

    def is_healthy() -> bool:
        try:
            return httpx.get(f"{url}/v1/health/", timeout=2, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    command = [installed.script("letta"), "server", "--host", "127.0.0.1", "--port", port]
    with _serving("Letta", command, installed.folder, is_healthy, env={**os.environ, **env}, cwd=home):
        yield url


@contextmanager
def _serving(
    name: str, command: Sequence[object], folder: Path, is_ready: Callable[[], bool], **options: Any
) -> Iterator[None]:
    say(f"Starting {name}")
    began, log = time.monotonic(), folder / f"{name.lower()}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            list(map(str, command)),
            stdout=file,
            stderr=file,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            **options,
        )
    try:
        while not is_ready():
            if process.poll() is not None or time.monotonic() - began > SECONDS:
                sys.exit(f"{name} did not start; see {log}")
            time.sleep(0.3)
        say(f"{name} is ready after {time.monotonic() - began:.0f} s")
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _make_cluster(installed: Installed, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    if nobody := _as_nobody():  # as root, the folder around it must be readable by that user
        os.chown(folder, nobody["user"], nobody["group"])
    options = ["-U", "letta", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C"]
    run([installed.postgres("initdb"), "-D", folder, *options], cwd=folder, **nobody)


def _as_nobody() -> Mapping[str, Any]:
    """Return the user of PostgreSQL, which refuses to run as root."""
    if os.getuid():
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
