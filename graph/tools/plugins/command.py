"""Shell commands with limits on time and output."""

import asyncio
import ctypes
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import psutil

from memory.concurrency.tasks import reap

_PIECE = 64 * 1024
_DRAIN_SECONDS = 0.2
_MARK = "GOAT_RUN"
_PR_SET_DUMPABLE = 4
_KEPT_ENVIRONMENT = ("LANG", "LC_ALL", "LC_CTYPE", "TZ")
_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"


@dataclass(slots=True)
class HeadAndTail:
    """The first and the last `room` bytes of a stream, and its length."""

    room: int
    total: int = 0
    _head: bytearray = field(default_factory=bytearray)
    _tail: bytearray = field(default_factory=bytearray)

    def add(self, piece: bytes) -> None:
        self.total += len(piece)
        taken = self.room - len(self._head)
        self._head += piece[:taken]
        self._tail += piece[taken:]
        del self._tail[: max(0, len(self._tail) - self.room)]

    @property
    def text(self) -> str:
        """The stored bytes as text, with a note of what is left out between."""
        left_out = self.total - len(self._head) - len(self._tail)
        note = f"\n[... {left_out:,} bytes left out here ...]\n".encode() if left_out else b""
        return (self._head + note + self._tail).decode("utf-8", "replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """The output and exit status of a command."""

    output: str
    status: int | None
    """Negative: the signal that ended it; None: killed at the time limit."""


async def run_command(command: str, folder: Path, *, seconds: float, room: int) -> CommandResult:
    """Run a command in `folder`, with a small environment and no input.

    At the end, also on cancellation, its process group is killed, and every process that inherited the mark
    in its environment. A process that clears its environment, as with `env -i`, survives.
    """
    output, mark = HeadAndTail(room), uuid.uuid4().hex
    async with _pipe(output) as (end, all_read):
        process = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            command,
            cwd=folder,
            env=_environment(folder) | {_MARK: mark},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=end,
            stderr=end,
            start_new_session=True,
        )
        end.close()
        status: int | None = None
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    status = await process.wait()
                await asyncio.wait({all_read}, timeout=_DRAIN_SECONDS)
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.shield(_end(process, mark))
    return CommandResult(output=output.text, status=status)


def protect_process() -> None:
    """Keep the user's other processes from reading this one's environment and memory (Linux only).

    Root can still read them. It also disables core dumps and the user's debuggers.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


async def _end(process: asyncio.subprocess.Process, mark: str) -> None:
    """Wait for a killed process and kill its marked children, even when cancelled."""
    try:
        await reap(process)
    finally:
        await asyncio.to_thread(_kill_marked, mark)


def _kill_marked(mark: str) -> None:
    """Kill all processes with the mark, twice: a killed one may just have started another."""
    for _ in range(2):
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.environ().get(_MARK) == mark:
                    process.kill()


@asynccontextmanager
async def _pipe(output: HeadAndTail) -> AsyncIterator[tuple[BinaryIO, "asyncio.Task[None]"]]:
    """Yield the writing end of a pipe, and a task that ends when all writers have closed it.

    asyncio's own pipes are not used because waiting for the process would wait for its children's output too.
    """
    out, into = os.pipe()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    with open(out, "rb", buffering=0) as source, open(into, "wb", buffering=0) as end:  # noqa: PTH123, ASYNC230
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, source)
        reading = asyncio.create_task(_read(reader, output))
        try:
            yield end, reading
        finally:
            reading.cancel()
            transport.close()


async def _read(stream: asyncio.StreamReader, output: HeadAndTail) -> None:
    while piece := await stream.read(_PIECE):
        output.add(piece)


def _environment(folder: Path) -> dict[str, str]:
    """Return a minimal environment with the language only: the process's own has secrets."""
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    return {"PATH": _PATH, "HOME": str(folder), "TERM": "dumb", "PAGER": "cat", **kept}
