"""A process that has everything imported and forks workers, so that a life costs no start of Python."""

import contextlib
import importlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.crash.worker import Orders, run

ROOT = Path(__file__).parents[2]
LAZY = ("graph.openai_chat", "memory.episodic.chroma")
"""What the agent imports when it first uses it."""
_ORDERS_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Life:
    """A running worker."""

    pid: int
    reports: int
    """Descriptor to read its reports from; ends with the worker."""

    def kill(self) -> None:
        """End it with SIGKILL, if it still lives."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


class Nursery:
    """The parent's side: order lives."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    def begin(self, orders: Orders) -> Life:
        """Fork a worker."""
        reading, writing = os.pipe()
        socket.send_fds(self._channel, [orders.dump().encode()], [writing])
        os.close(writing)
        return Life(int(self._channel.recv(32)), reading)


@contextlib.contextmanager
def running_nursery(environment: Mapping[str, str]) -> Iterator[Nursery]:
    """Run the process for the time of the block, with `environment` for its workers."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "tests.crash.nursery", str(theirs.fileno())]
    with ours, subprocess.Popen(command, cwd=ROOT, env=environment, pass_fds=[theirs.fileno()]) as process:
        theirs.close()
        try:
            yield Nursery(ours)
        finally:
            ours.close()
            process.wait(10)


def serve(channel: socket.socket) -> None:
    """Fork a worker for each order, until the channel ends; the kernel buries the dead."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        orders, descriptors, *_ = socket.recv_fds(channel, _ORDERS_BYTES, 1)
        if not orders:
            return
        pid = os.fork()
        if not pid:
            channel.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            run(orders.decode(), descriptors[0])
            return
        os.close(descriptors[0])
        channel.send(str(pid).encode())


if __name__ == "__main__":
    for name in LAZY:
        importlib.import_module(name)
    serve(socket.socket(fileno=int(sys.argv[1])))
