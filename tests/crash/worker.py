"""A process that finishes pending turns, then answers others until it is killed.

It reports each point that it reaches at once, as a line of JSON.
By hand: `python -m tests.crash.worker ORDERS`, with `Orders` as JSON and GOAT_* in the environment.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from graph.app import open_agent
from graph.checkpoint.redis_saver import RedisSaver
from graph.checkpoint.thread_leases import ThreadLeases
from graph.events.turn_events import Finished, NodeFinished, Piece
from graph.runtime.agent import Agent
from graph.settings.settings_loader import load_settings
from memory.episodic.episode_archive import EpisodeArchive
from memory.episodic.index.ledger import VectorLedger
from memory.episodic.vectors.vector_index import VectorIndex
from memory.working.redis_cache import RedisSessionCache
from memory.working.redis_conversation import RedisConversation
from tests.crash.script import LANES, Lane
from tests.crash.settings import embed_by_hash

WATCHED: dict[str, tuple[type, str]] = {
    "lease taken": (ThreadLeases, "_take"),
    "writes stored": (RedisSaver, "aput_writes"),
    "checkpoint stored": (RedisSaver, "aput"),
    "logged": (EpisodeArchive, "append"),
    "in the conversation": (RedisConversation, "append"),
    "cache dropped": (RedisSessionCache, "drop"),
    "vectors written": (VectorIndex, "upsert"),
    "vectors marked": (VectorLedger, "mark"),
}
"""Points inside the turn, by the method that returns there."""


@dataclass(frozen=True, slots=True)
class Orders:
    """Orders of a worker."""

    begin: list[int] = field(default_factory=lambda: [0] * len(LANES))
    """For each lane, the position of its first turn."""
    turns: int = 1_000_000
    """How many turns each lane takes."""
    die_after: int = 0
    """The number of points after which it kills itself; 0 leaves that to others."""

    def dump(self) -> str:
        return json.dumps(asdict(self))


class Reporter:
    """Reports points, and kills the process at the ordered one."""

    def __init__(self, descriptor: int, die_after: int) -> None:
        self._descriptor = descriptor
        self._left = die_after

    def __call__(self, point: str, **more: Any) -> None:
        os.write(self._descriptor, json.dumps({"point": point, **more}).encode() + b"\n")
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """Make the watched methods report when they return."""
        for point, (kind, method) in WATCHED.items():
            setattr(kind, method, self._telling(getattr(kind, method), point))

    def _telling(self, inner: Callable[..., Awaitable[Any]], point: str) -> Callable[..., Awaitable[Any]]:
        async def telling(*args: Any, **kwargs: Any) -> Any:
            result = await inner(*args, **kwargs)
            self(point + _detail(args))
            return result

        return telling


def _detail(args: tuple[Any, ...]) -> str:
    """Name the node whose writes were stored, or the node after a stored checkpoint."""
    match args:
        case (RedisSaver(), _, [*writes], str(), *_):
            return f", with {[channel for channel, _ in writes if ':' not in channel][-1]}"
        case (RedisSaver(), _, {"channel_values": dict(values)}, *_):
            following = [name.split(":")[2] for name in values if name.startswith("branch:to:")]
            joined = [
                name.split(":")[2] for name, value in values.items() if name.startswith("join:") and value
            ]
            return (
                f", before {min(following + joined + ['__start__'] * ('__start__' in values) or ['the end'])}"
            )
    return ""


async def live(orders: Orders, report: Reporter) -> None:
    """Open the agent, finish pending turns, and answer the lanes' turns concurrently."""
    report("started")
    report.watch()
    async with open_agent(load_settings()) as agent:
        report("opened")
        for state in await agent.resume():
            report("resumed", turn=state["turn"].turn_id, reply=state["reply"].text)
        report("all resumed")
        lanes = zip(LANES, orders.begin, strict=True)
        await asyncio.gather(*(_run_lane(agent, lane, begin, orders, report) for lane, begin in lanes))


async def _run_lane(agent: Agent, lane: Lane, begin: int, orders: Orders, report: Reporter) -> None:
    for position in range(begin, begin + orders.turns):
        await _run_turn(agent, lane, position, report)


async def _run_turn(agent: Agent, lane: Lane, position: int, report: Reporter) -> None:
    turn_id, text = lane.turn_id(position), ""
    report("sent", turn=turn_id)
    stream = agent.stream(lane.message(position), owner=lane.owner, thread=lane.thread, turn_id=turn_id)
    async for event in stream:
        match event:
            case Piece():
                text += event.text
                report("piece", turn=turn_id)
            case NodeFinished():
                report(event.node, turn=turn_id, **({"reply": text} if event.node == "respond" else {}))
            case Finished():
                report("finished", turn=turn_id, reply=event.state["reply"].text)


def run(orders: str, descriptor: int) -> None:
    """Run the worker."""
    embed_by_hash()
    given = Orders(**json.loads(orders))
    asyncio.run(live(given, Reporter(descriptor, given.die_after)))


if __name__ == "__main__":
    run(sys.argv[1], sys.stdout.fileno())
