"""A process that has everything imported and forks the bot's processes, which are then there at once."""

import contextlib
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from bot.cli import main as goat
from tests.crash.settings import embed_by_hash
from tests.telegram_soak import stock

ROOT = Path(__file__).parents[2]
LAZY = ("bot.telegram_command", "graph.openai_chat", "memory.episodic.chroma")
"""What the bot imports when it first uses it."""
PROGRAMS = {"goat": goat, "stock": stock.main}
_ORDERS_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Life:
    """A process of a bot."""

    pid: int

    @property
    def runs(self) -> bool:
        return psutil.pid_exists(self.pid)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it still lives."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)


class Nursery:
    """The parent's side: order lives."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    def begin(self, words: Sequence[str], environment: Mapping[str, str], log: Path) -> Life:
        """Run a program with these words on its command line; what it prints goes to the end of `log`."""
        orders = {"words": list(words), "environment": dict(environment), "log": str(log)}
        self._channel.send(json.dumps(orders).encode())
        return Life(int(self._channel.recv(32)))


@contextlib.contextmanager
def running_nursery() -> Iterator[Nursery]:
    """Run the process for the time of the block."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "tests.telegram_soak.nursery", str(theirs.fileno())]
    own = {name: value for name, value in os.environ.items() if not name.startswith("GOAT_")}
    own |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with ours, subprocess.Popen(command, cwd=ROOT, env=own, pass_fds=[theirs.fileno()]) as process:
        theirs.close()
        try:
            yield Nursery(ours)
        finally:
            ours.close()
            process.wait(30)


def serve(channel: socket.socket) -> None:
    """Fork a process for each order, until the channel ends; the kernel buries the dead."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while orders := channel.recv(_ORDERS_BYTES):
        pid = os.fork()
        if not pid:
            channel.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _live(json.loads(orders))
            return
        channel.send(str(pid).encode())


def _live(orders: dict[str, object]) -> None:
    words, environment = orders["words"], orders["environment"]
    assert isinstance(words, list)
    assert isinstance(environment, dict)
    log = os.open(str(orders["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.update(environment)
    sys.argv = words
    PROGRAMS[words[0]]()


if __name__ == "__main__":
    for name in LAZY:
        importlib.import_module(name)
    embed_by_hash()
    serve(socket.socket(fileno=int(sys.argv[1])))
