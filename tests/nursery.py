"""A process that has everything imported and forks others, which start at once."""

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
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSCTTY
from typing import NoReturn

from filelock import FileLock

from bot.cli import main as goat
from memory.prompt.token_budget import TokenCounter
from memory.recall.mechanisms import warm_up
from tests.crash.settings import embed_by_hash

ROOT = Path(__file__).parents[1]
IMPORTED = (
    "anyio._backends._asyncio",
    "bot.commands.chat_command",
    "bot.commands.telegram_command",
    "chromadb.api.rust",
    "graph.model.openai_chat",
    "graph.tools.plugins.guarded_network",
    "langchain_core.tracers.context",
    "langchain_core.tracers.stdout",
    "memory.calibration",
    "numpy.ma",
    "httpcore",
    "httpcore2",
    "memory.episodic.vectors.chroma",
    "memory.permanent.letta.letta_store",
    "openai.lib.streaming.chat",
    "openai.resources.chat.completions.completions",
    "telegram.ext",
    "tests.crash.worker",
    "tests.plugins",
    "tests.team",
)
"""Modules that the processes would import at first use."""
SECONDS = 120.0
"""Deadline in seconds for an idle process to end."""
_WELCOME = b"welcome"
_BORN, _DIED = struct.Struct("ii"), struct.Struct("i")
_ORDERS_BYTES = 65536


class Life:
    """A process and its keeper, the parent process that reports how it ended."""

    def __init__(self, status: int) -> None:
        self._status = status
        self._code: int | None = None
        self.pid, self.keeper = _BORN.unpack(os.read(status, _BORN.size))

    @property
    def runs(self) -> bool:
        """Return whether it still runs."""
        return self._code is None and not select.select([self._status], [], [], 0)[0]

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if self.runs:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def wait(self, seconds: float = SECONDS) -> int:
        """Wait for its end; return its exit status, negative for the signal that killed it.

        Raises:
            TimeoutError: it did not end.
        """
        if self._code is None:
            if not select.select([self._status], [], [], seconds)[0]:
                raise TimeoutError(f"A process did not end within {seconds:g} s.")
            (self._code,) = _DIED.unpack(os.read(self._status, _DIED.size))
            os.close(self._status)
        return self._code

    def end(self) -> None:
        """Terminate it so that it stops its own servers; kill it when it does not end."""
        self.signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            self.wait()
        self.kill()

    def kill(self) -> None:
        """Kill it, and wait for its end."""
        self.signal(signal.SIGKILL)
        self.wait()


class Nursery:
    """The client: starts processes."""

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
        """Start a process: `goat` and its arguments, `-m` and a module with arguments, or `-c` and a program.

        Args:
            environment: its whole environment.
            folder: its working folder.
            stdin, stdout, stderr: descriptors; None is the null device.
            terminal: the descriptors are its controlling terminal.
            hashed: use hashed embeddings and load no model.
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
        """Run a process during the block."""
        life = self.begin(*words, environment=environment, stdout=stdout, stderr=2)
        try:
            yield life
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(life.keeper, signal.SIGCONT)
            life.kill()


@contextlib.contextmanager
def running_nursery(shared_by: str = "") -> Iterator[Nursery]:
    """Run the nursery during the block; all users of one name share it, and the last one ends it."""
    folder = Path(tempfile.gettempdir())
    path = folder / f"goat-nursery-{shared_by or os.urandom(8).hex()}"
    with contextlib.ExitStack() as stack:
        with FileLock(folder / f"goat-nursery-{os.getuid()}.lock"):
            channel = _joined(path)
            if channel is None:
                stack.callback(path.unlink, missing_ok=True)
                stack.enter_context(_started(path))
                channel = _joined(path)
        assert channel is not None
        with channel:
            yield Nursery(channel)


def _joined(path: Path) -> socket.socket | None:
    """Connect to the nursery behind a socket; None when there is none, or it is ending."""
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with contextlib.suppress(OSError):
        channel.connect(str(path))
        if channel.recv(len(_WELCOME)):
            return channel
    channel.close()
    return None


def _started(path: Path) -> "subprocess.Popen[bytes]":
    own = {name: value for name, value in os.environ.items() if not name.startswith("GOAT_")}
    own |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(path))
        listener.listen()
        command, given = [sys.executable, "-m", "tests.nursery", str(listener.fileno())], [listener.fileno()]
        return subprocess.Popen(command, cwd=ROOT, env=own, pass_fds=given)


def _serve(listener: socket.socket) -> None:
    """Fork a keeper for each request, until all clients have left."""
    channels: list[socket.socket] = []
    while True:
        ready, *_ = select.select([listener, *channels], [], [])
        if listener in ready:
            channels.append(listener.accept()[0])
            channels[-1].send(_WELCOME)
        for channel in channels.copy():
            if channel in ready and not _take(channel, [listener, *channels]):
                channels.remove(channel)
                channel.close()
        _bury()
        if not channels:
            return


def _take(channel: socket.socket, everything: Sequence[socket.socket]) -> bool:
    """Fork a keeper for the next request; return False when there will be none."""
    orders, descriptors, *_ = socket.recv_fds(channel, _ORDERS_BYTES, 4)
    if orders and not os.fork():
        for one in everything:
            one.close()
        _keep(json.loads(orders), descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    return bool(orders)


def _bury() -> None:
    """Reap the keepers that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue


def _keep(orders: dict[str, object], descriptors: list[int]) -> NoReturn:
    """Fork the process; in its parent, report its start and its end."""
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
) -> NoReturn:
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
    """Run the program, and return its exit status in the form of `sys.exit`."""
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
    """End like the interpreter, but without C++ destructors: they wait for threads that were not forked."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    if isinstance(status, str):
        sys.stderr.write(f"{status}\n")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else int(status is not None))


def _prepare() -> None:
    """Load what a first turn needs; no thread may start here."""
    for name in IMPORTED:
        importlib.import_module(name)
    warm_up()
    TokenCounter()("any")
    assert threading.active_count() == 1


if __name__ == "__main__":
    _prepare()
    _serve(socket.socket(fileno=int(sys.argv[1])))
