"""Serial access to one SQLite connection from threads of a pool."""

import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from memory.concurrency.tasks import run_into

T = TypeVar("T")
FileWork = Callable[[sqlite3.Connection], T]


class OwnerConnection:
    """Runs submitted work in order on one connection, one call at a time, on threads of a pool.

    Opens the connection on first use, and again when the file was replaced. Cancelling a caller does not
    interrupt its work. Usable from any event loop.

    Args:
        pool: runs the work.
        path: the file.
        connect: opens the connection.
        create: create the file if it is missing.
        on_idle: called on a pool thread when the queue is empty.
    """

    def __init__(
        self,
        pool: Executor,
        path: Path,
        connect: Callable[[], sqlite3.Connection],
        *,
        create: bool,
        on_idle: Callable[[], None] = lambda: None,
    ) -> None:
        self._pool = pool
        self._path = path
        self._connect = connect
        self._create = create
        self._on_idle = on_idle
        self._guard = threading.Lock()
        self._waiting: deque[Callable[[], None]] = deque()
        self._busy = False
        self._connection: sqlite3.Connection | None = None
        self._inode: int | None = None

    @property
    def busy(self) -> bool:
        return self._busy

    def submit(self, work: FileWork[T]) -> Future[T]:
        return self._queue(partial(self._run, work))

    def close(self) -> Future[None]:
        """Close the connection after the queued work."""
        return self._queue(self.disconnect)

    def _queue(self, call: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        with self._guard:
            self._waiting.append(partial(run_into, future, call))
            idle, self._busy = not self._busy, True
        if idle:
            self._pool.submit(self._next)
        return future

    def _next(self) -> None:
        """Run one call, then queue for a thread again, so that owners take turns."""
        self._waiting.popleft()()
        with self._guard:
            again = self._busy = bool(self._waiting)
        if again:
            self._pool.submit(self._next)
        else:
            self._on_idle()

    def _run(self, work: FileWork[T]) -> T:
        try:
            return work(self._current())
        except sqlite3.Error:
            self.disconnect()
            raise

    def _current(self) -> sqlite3.Connection:
        while self._connection is None or self._inode != inode(self._path):
            self.disconnect()
            if self._create:
                create_private(self._path)
            self._inode = inode(self._path)
            self._connection = self._connect()
        return self._connection

    def disconnect(self) -> None:
        """Close the connection now; only when nothing is running or submitted."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()


def inode(path: Path) -> int | None:
    """Return the file's inode, which changes when the file is replaced; None without a file."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def create_private(path: Path) -> None:
    """Create an empty file with mode 600 in a folder with mode 700.

    An existing file is never opened: closing it would release all locks of this process on it, SQLite's too,
    and another process could then delete the write-ahead log of an open connection.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
