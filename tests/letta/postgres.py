"""A PostgreSQL server on a free loopback port, with Letta's tables in an empty database."""

import os
import pwd
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.letta.installing import Installed, run, say
from tests.servers.chroma import free_port

SECONDS = 60.0
MIGRATED = "migrated"
USED = "letta"


@contextmanager
def running_postgres(installed: Installed) -> Iterator[str]:
    """Run the server until the block ends; yield the address of an empty Letta database."""
    cluster = Cluster(installed, free_port())
    cluster.create()
    process = cluster.start()
    try:
        cluster.wait(process)
        cluster.migrate()
        cluster.sql(f"drop database if exists {USED}")
        cluster.sql(f"create database {USED} template {MIGRATED}")
        yield cluster.address(USED)
    finally:
        process.terminate()
        process.wait()


class Cluster:
    """The databases in a folder; the server refuses to run as root, and then runs as `nobody`."""

    def __init__(self, installed: Installed, port: int) -> None:
        self._installed = installed
        self._port = port
        self._folder = installed.folder / "postgres"
        self._ready = installed.folder / "migrated"

    def address(self, database: str) -> str:
        """Return the URL of a database."""
        return f"postgresql://letta@127.0.0.1:{self._port}/{database}"

    def create(self) -> None:
        """Create the folder, unless it exists with Letta's tables."""
        if self._ready.exists():
            return
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(mode=0o700)
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self._folder, nobody.pw_uid, nobody.pw_gid)
        options = ["-U", "letta", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C"]
        done = subprocess.run(
            [self._program("initdb"), "-D", self._folder, *options],
            **_as_nobody(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            hint = "As root, its folder must be readable by the user nobody." if os.getuid() == 0 else ""
            sys.exit(f"initdb failed. {hint}\n{done.stderr}")

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server; durability does not matter here."""
        settings = ["listen_addresses=127.0.0.1", f"unix_socket_directories={self._folder}", "fsync=off"]
        words = [word for setting in settings for word in ("-c", setting)]
        log = (self._installed.folder / "postgres.log").open("wb")
        with log:
            return subprocess.Popen(
                [self._program("postgres"), "-D", self._folder, "-p", str(self._port), *words],
                **_as_nobody(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip

    def wait(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until it accepts connections."""
        deadline = time.monotonic() + SECONDS
        ready = [str(self._program("pg_isready")), "-q", "-h", "127.0.0.1", "-p", str(self._port)]
        while subprocess.run(ready, check=False).returncode:
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"PostgreSQL did not start; see {self._installed.folder / 'postgres.log'}")
            time.sleep(0.1)

    def migrate(self) -> None:
        """Create Letta's tables, once."""
        if self._ready.exists():
            return
        say("Making its tables (once)")
        self.sql(f"create database {MIGRATED}")
        self.sql("create extension vector", MIGRATED)
        env = {"LETTA_PG_URI": self.address(MIGRATED), "HOME": str(self._installed.folder)}
        run([self._installed.script("alembic"), "upgrade", "head"], cwd=self._installed.sources, env=env)
        self._ready.touch()

    def sql(self, statement: str, database: str = "postgres") -> None:
        """Run one statement."""
        where = ["-h", "127.0.0.1", "-p", str(self._port), "-U", "letta", "-d", database]
        run([self._program("psql"), "-q", *where, "-c", statement], cwd=self._installed.folder)

    def _program(self, name: str) -> Path:
        return self._installed.postgres / name


def _as_nobody() -> dict[str, Any]:
    if os.getuid():
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
