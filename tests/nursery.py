"""A process that has everything imported and forks others, which are then there at once."""

import atexit
import contextlib
import importlib
import io
import json
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSCTTY
from typing import NoReturn

from bot.cli import main as goat
from memory.query import warm_up
from memory.tokens import TokenCounter
from tests.crash.settings import embed_by_hash

ROOT = Path(__file__).parents[1]
IMPORTED = (
    "anyio._backends._asyncio",
    "bot.chat_command",
    "bot.telegram_command",
    "chromadb.api.rust",
    "graph.openai_chat",
    "graph.tools.plugins.web",
    "langchain_core.tracers.context",
    "langchain_core.tracers.stdout",
    "memory.calibration",
    "numpy.ma",
    "httpcore",
    "httpcore2",
    "memory.episodic.chroma",
    "memory.permanent.letta",
    "openai.lib.streaming.chat",
    "openai.resources.chat.completions.completions",
    "telegram.ext",
    "tests.crash.worker",
    "tests.plugins",
    "tests.team",
)
"""What the processes would import when they first use it."""
SECONDS = 120.0
"""For a process to end that has nothing left to do."""
_BORN, _DIED = struct.Struct("ii"), struct.Struct("i")
_ORDERS_BYTES = 65536


class Life:
    """A process, and the one that keeps it: its parent, that says how it ended."""

    def __init__(self, status: int) -> None:
        self._status = status
        self._code: int | None = None
        self.pid, self.keeper = _BORN.unpack(os.read(status, _BORN.size))

    @property
    def runs(self) -> bool:
        """Tell whether it has not ended, and been buried."""
        return self._code is None and not select.select([self._status], [], [], 0)[0]

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it still lives."""
        if self.runs:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def wait(self, seconds: float = SECONDS) -> int:
        """Wait for its end; return its exit status, negative for the signal that ended it.

        Raises:
            TimeoutError: it did not end.
        """
        if self._code is None:
            if not select.select([self._status], [], [], seconds)[0]:
                raise TimeoutError(f"A process did not end within {seconds:g} s.")
            (self._code,) = _DIED.unpack(os.read(self._status, _DIED.size))
            os.close(self._status)
        return self._code

    def kill(self) -> None:
        """End it, and wait until it is buried."""
        self.signal(signal.SIGKILL)
        self.wait()


class Nursery:
    """The parent's side: order lives."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    def begin(
        self,
        *words: str,
        environment: Mapping[str, str],
        folder: Path = ROOT,
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
        terminal: bool = False,
        hashed: bool = False,
    ) -> Life:
        """Run a process: `goat` and its words, `-m` and a module's, or `-c` and a program's.

        Args:
            environment: all of it.
            folder: where it runs.
            stdin, stdout, stderr: descriptors; None leads nowhere.
            terminal: they are a terminal, to be its own.
            hashed: the agent embeds by hashed words and loads no model.
        """
        orders = {
            "words": words,
            "environment": dict(environment),
            "folder": str(folder),
            "terminal": terminal,
            "hashed": hashed,
        }
        status, dying = os.pipe()
        nowhere = os.open(os.devnull, os.O_RDWR)
        given = [nowhere if one is None else one for one in (stdin, stdout, stderr)]
        socket.send_fds(self._channel, [json.dumps(orders).encode()], [*given, dying])
        os.close(nowhere)
        os.close(dying)
        return Life(status)

    @contextlib.contextmanager
    def living(
        self, *words: str, environment: Mapping[str, str], stdout: int | None = None
    ) -> Iterator[Life]:
        """Run a process for the time of the block."""
        life = self.begin(*words, environment=environment, stdout=stdout, stderr=2)
        try:
            yield life
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(life.keeper, signal.SIGCONT)
            life.kill()


@contextlib.contextmanager
def running_nursery() -> Iterator[Nursery]:
    """Run the process for the time of the block."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "tests.nursery", str(theirs.fileno())]
    own = {name: value for name, value in os.environ.items() if not name.startswith("GOAT_")}
    own |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with ours, subprocess.Popen(command, cwd=ROOT, env=own, pass_fds=[theirs.fileno()]) as process:
        theirs.close()
        try:
            yield Nursery(ours)
        finally:
            ours.close()
            process.wait(SECONDS)


def _serve(channel: socket.socket) -> None:
    """Fork a keeper for each order, until the channel ends."""
    while True:
        orders, descriptors, *_ = socket.recv_fds(channel, _ORDERS_BYTES, 4)
        _bury()
        if not orders:
            return
        if not os.fork():
            channel.close()
            _keep(json.loads(orders), descriptors)
            return
        for descriptor in descriptors:
            os.close(descriptor)


def _bury() -> None:
    """Wait for the keepers that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue


def _keep(orders: dict[str, object], descriptors: list[int]) -> None:
    """Fork the process and, in its parent, tell when it is born and how it died; return in the process."""
    *own, status = descriptors
    pid = os.fork()
    if not pid:
        os.close(status)
        _live(own, **orders)  # type: ignore[arg-type]
    for descriptor in own:
        os.close(descriptor)
    os.write(status, _BORN.pack(pid, os.getpid()))
    _, how = os.waitpid(pid, 0)
    os.write(status, _DIED.pack(os.waitstatus_to_exitcode(how)))
    os._exit(0)


def _live(
    own: list[int],
    *,
    words: list[str],
    environment: dict[str, str],
    folder: str,
    terminal: bool,
    hashed: bool,
) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    if terminal:
        os.setsid()
        ioctl(own[0], TIOCSCTTY, 0)
    for number, descriptor in enumerate(own):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = io.TextIOWrapper(open(0, "rb", closefd=False), "utf-8", "surrogateescape")  # noqa: SIM115
    sys.stdout, sys.stderr = (_written(number) for number in (1, 2))
    if hashed:
        embed_by_hash()
    _end(_run(words))


def _written(descriptor: int) -> io.TextIOWrapper:
    raw = open(descriptor, "wb", buffering=0, closefd=False)  # noqa: SIM115
    return io.TextIOWrapper(raw, "utf-8", "backslashreplace", write_through=True)


def _run(words: list[str]) -> object:
    """Run the program, and return its exit status as `sys.exit` takes it."""
    try:
        match words:
            case ["-m", module, *_]:
                sys.argv = words[1:]
                runpy.run_module(module, run_name="__main__", alter_sys=True)
            case ["-c", program, *rest]:
                sys.argv = ["-c", *rest]
                exec(program, {"__name__": "__main__"})
            case _:
                sys.argv = words
                goat()
    except SystemExit as end:
        return end.code
    except BaseException:  # noqa: BLE001 - as the interpreter would
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def _end(status: object) -> NoReturn:
    """End as the interpreter does, but let C++ destroy nothing: threads of its libraries were not forked."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    if isinstance(status, str):
        sys.stderr.write(f"{status}\n")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else int(status is not None))


def _prepare() -> None:
    """Load what processes would load in their first turn; no thread may begin here."""
    for name in IMPORTED:
        importlib.import_module(name)
    warm_up()
    TokenCounter()("any")
    assert threading.active_count() == 1


if __name__ == "__main__":
    _prepare()
    _serve(socket.socket(fileno=int(sys.argv[1])))
