"""Servers on which several machines could work: a Redis Cluster with replicas, PostgreSQL, and Chroma."""

import contextlib
import random
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from memory.working.embedded_server import server_binary
from tests.servers.chroma import ChromaServer, chroma_server
from tests.servers.postgres import PostgresServer, postgres_server
from tests.servers.redis import free_ports

MASTERS = 3
_SLOTS = 16384
_NODE_TIMEOUT = 1000
"""Milliseconds after which the others replace a dead master."""
_DEAD_SECONDS = 6.0
"""For so long a killed node stays down: a replica has its place by then."""
_START_SECONDS = 200.0
_PAUSE = 0.05


@dataclass(slots=True)
class Node:
    """A node of a cluster, which keeps its data when it is killed."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        flags = {
            **{"port": self.port, "bind": "127.0.0.1", "dir": self.folder, "daemonize": "no"},
            **{"cluster-enabled": "yes", "cluster-node-timeout": _NODE_TIMEOUT},
            **{"appendonly": "yes", "save": "", "repl-diskless-sync-delay": 0},
        }
        words = [str(word) for name, value in flags.items() for word in (f"--{name}", value)]
        self.process = subprocess.Popen([server_binary(), *words], stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def ask(self, *words: str | int) -> Any:
        """Return the answer to a command.

        Raises:
            RedisError: the node is down.
        """
        with Redis(host="127.0.0.1", port=self.port, decode_responses=True, protocol=2) as client:
            client.response_callbacks.clear()
            return client.execute_command(*words)


@dataclass(slots=True)
class SharedServers:
    """The running servers, one of which is killed now and then."""

    nodes: list[Node]
    chroma: ChromaServer
    postgres: PostgresServer
    archive_url: str
    chance: random.Random
    _killed: int = 0
    _returns: list[threading.Timer] = field(default_factory=list)

    @property
    def redis_url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def kill_one(self) -> bool:
        """Restart PostgreSQL, Chroma, or kill a master, in turn; False if the cluster lacks a replica."""
        self._killed += 1
        if (server := (None, self.postgres, self.chroma)[self._killed % 3]) is not None:
            server.stop()
            server.start()
            return True
        if not self._is_whole():
            return False
        masters = [node for node in self.nodes if asked(node, "CLUSTER", "NODES").count("myself,master")]
        killed = self.chance.choice(masters)
        killed.kill()
        self._returns.append(threading.Timer(_DEAD_SECONDS, killed.start))
        self._returns[-1].start()
        return True

    def stop(self) -> None:
        """Kill all nodes."""
        for timer in self._returns:
            timer.cancel()
            timer.join()
        for node in self.nodes:
            node.kill()

    def join(self) -> None:
        """Divide the slots among the masters, and give each a replica."""
        until(lambda: all(asked(node, "PING") for node in self.nodes))
        masters, replicas = self.nodes[:MASTERS], self.nodes[MASTERS:]
        for number, master in enumerate(masters):
            first, end = number * _SLOTS // MASTERS, (number + 1) * _SLOTS // MASTERS
            master.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            master.ask("CLUSTER", "ADDSLOTSRANGE", first, end - 1)
        for node in self.nodes[1:]:
            node.ask("CLUSTER", "MEET", "127.0.0.1", masters[0].port)
        until(lambda: all(self._knows_all(node) for node in self.nodes))
        for master, replica in zip(masters, replicas, strict=True):
            replica.ask("CLUSTER", "REPLICATE", master.ask("CLUSTER", "MYID"))
        until(self._is_whole)

    def _knows_all(self, node: Node) -> bool:
        return asked(node, "CLUSTER", "NODES").count(" connected") == len(self.nodes)

    def _is_whole(self) -> bool:
        """Return True if all slots are served and each master has a replica that follows it."""
        found = [asked(node, "INFO", "replication") for node in self.nodes]
        linked = [info for info in found if "role:slave" in info and "master_link_status:up" in info]
        served = ["cluster_state:ok" in asked(node, "CLUSTER", "INFO") for node in self.nodes]
        return len(linked) == len(self.nodes) - MASTERS and all(served)


@contextlib.contextmanager
def running_servers(folder: Path, seed: int) -> Iterator[SharedServers]:
    """Run the servers until the block ends."""
    ports = free_ports(2 * MASTERS)
    nodes = [Node(port, folder / f"redis-{port}") for port in ports]
    with chroma_server(folder / "chroma") as chroma, postgres_server() as postgres:
        servers = SharedServers(nodes, chroma, postgres, postgres.new_url(), random.Random(seed))
        try:
            for node in nodes:
                node.start()
            servers.join()
            yield servers
        finally:
            servers.stop()


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + _START_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(_PAUSE)


def asked(node: Node, *words: str) -> str:
    """Return the answer to a command, "" if the node is down."""
    try:
        return str(node.ask(*words))
    except RedisError:
        return ""
