"""Run a command of the shell with limits on its time and its output."""

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

_PIECE = 64 * 1024
_DRAIN_SECONDS = 0.2
_MARK = "GOAT_RUN"
_PR_SET_DUMPABLE = 4
_KEPT_ENVIRONMENT = ("LANG", "LC_ALL", "LC_CTYPE", "TZ")
_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"


@dataclass(slots=True)
class BothEnds:
    """The first and the last bytes of a stream, `room` of each; what is between is counted."""

    room: int
    total: int = 0
    _head: bytearray = field(default_factory=bytearray)
    _tail: bytearray = field(default_factory=bytearray)

    def add(self, piece: bytes) -> None:
        """Take the next bytes."""
        self.total += len(piece)
        taken = self.room - len(self._head)
        self._head += piece[:taken]
        self._tail += piece[taken:]
        del self._tail[: max(0, len(self._tail) - self.room)]

    @property
    def text(self) -> str:
        """What there is, with a note of what is left out."""
        left_out = self.total - len(self._head) - len(self._tail)
        note = f"\n[... {left_out:,} bytes left out here ...]\n".encode() if left_out else b""
        return (self._head + note + self._tail).decode("utf-8", "replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a command did."""

    output: str
    status: int | None
    """Below zero: the signal that ended it; none: it was killed when its time was over."""


async def run_command(command: str, folder: Path, *, seconds: float, room: int) -> Ran:
    """Run a command in `folder`, with a small environment and no input.

    All that it leaves running is killed at the end, also when the call is cancelled: its process group, and
    what has the mark in its environment that it was given. What takes that away, as `env -i` does, stays.
    """
    output, mark = BothEnds(room), uuid.uuid4().hex
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
            await asyncio.shield(_ended(process, mark))
    return Ran(output=output.text, status=status)


def close_to_others() -> None:
    """Keep other processes of the user from reading this one's environment and memory, where Linux can.

    Root reads them still. There are no core dumps any more, and no debugger of the user's gets in.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


async def _ended(process: asyncio.subprocess.Process, mark: str) -> None:
    """Wait for the end of a process that was killed, also while the loop is being ended."""
    cancelled = False
    while process.returncode is None:
        try:
            await process.wait()
        except asyncio.CancelledError:
            cancelled = True
    await asyncio.to_thread(_kill_marked, mark)
    if cancelled:
        raise asyncio.CancelledError


def _kill_marked(mark: str) -> None:
    """Kill what has the mark, twice: what is killed may have started another one just before."""
    for _ in range(2):
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.environ().get(_MARK) == mark:
                    process.kill()


@asynccontextmanager
async def _pipe(output: BothEnds) -> AsyncIterator[tuple[BinaryIO, "asyncio.Task[None]"]]:
    """Yield where to write, and what ends when everybody who could write has closed it.

    The process is given none of asyncio's own pipes, for their reader would wait for those it leaves behind.
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


async def _read(stream: asyncio.StreamReader, output: BothEnds) -> None:
    while piece := await stream.read(_PIECE):
        output.add(piece)


def _environment(folder: Path) -> dict[str, str]:
    """Return nothing of the process's own but its language: it holds secrets."""
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    return {"PATH": _PATH, "HOME": str(folder), "TERM": "dumb", "PAGER": "cat", **kept}
