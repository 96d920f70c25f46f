"""Kill workers over a stream of turns."""

import json
import os
import random
import select
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.crash.script import LANES
from tests.crash.told import NumberedReplies, Told, note_report
from tests.crash.worker import Orders
from tests.nursery import Life, Nursery

SERVER_DIES = 0.1
"""Share of the kills after which the Redis server is killed too."""
MOST_POINTS = 150
"""Maximum points in a life: about two turns in each lane."""
PAUSE = 0.004
"""Seconds: half of the kills come from outside, up to this long after a point; the others exactly at it."""
SILENCE = 100.0
"""Seconds of silence after which a worker counts as hung."""


@dataclass(slots=True)
class Trial:
    """One stream of turns, over which workers are killed."""

    nursery: Nursery
    environment: Mapping[str, str]
    replies: NumberedReplies
    data_folder: Path
    chance: random.Random
    told: Told = field(default_factory=Told)
    killed_at: Counter[str] = field(default_factory=Counter)
    """The last reported points of killed workers, counted."""
    servers_killed: int = 0

    @property
    def kills(self) -> int:
        return self.killed_at.total()

    def summary(self) -> str:
        """Summarise the trial in one line."""
        told, found = self.told, self.told.findings
        points = ", ".join(f"{point} {count}" for point, count in self.killed_at.most_common())
        return (
            f"{self.kills} kills ({self.servers_killed} with the Redis server) over "
            f"{sum(told.sent.values())} turns, {told.resumed} finished by a next start, {told.resent} sent "
            f"again: {len(found.lost)} lost, {len(found.doubled)} doubled, {len(found.other)} wrong "
            f"otherwise; killed after: {points}"
        )

    def kill(self, times: int) -> None:
        """Start workers and kill each at another point, sometimes with the server."""
        while self.kills < times:
            self._one_life()
            if self.chance.random() < SERVER_DIES and kill_server(self.data_folder):
                self.servers_killed += 1

    def _one_life(self) -> None:
        points, by_itself = self.chance.randint(1, MOST_POINTS), self.chance.random() < 0.5
        self.told.new_life()
        begin = [self.told.finished[lane] for lane in LANES]
        orders = Orders(begin=begin, die_after=points if by_itself else 0)
        reading, writing = os.pipe()
        words = ("-m", "tests.crash.worker", orders.dump())
        life = self.nursery.begin(*words, environment=self.environment, stdout=writing, stderr=2)
        os.close(writing)
        last, said = "nothing", 0
        for report in reports(life, reading):
            last, said = report["point"], said + 1
            note_report(self.told, report)
            if said == points and not by_itself:
                time.sleep(self.chance.random() * PAUSE)
                life.signal(signal.SIGKILL)
        if said < points:
            self.told.findings.other.append(f"a worker ended unasked after {last!r}")
        life.wait()
        self.killed_at[last] += 1


def reports(life: Life, reading: int) -> Iterator[dict[str, Any]]:
    """Yield a worker's reports until it is dead.

    Raises:
        TimeoutError: it was silent for too long, and was killed.
    """
    rest = b""
    try:
        while True:
            if not select.select([reading], [], [], SILENCE)[0]:
                life.kill()
                raise TimeoutError(f"a worker said nothing for {SILENCE:g} s")
            if not (read := os.read(reading, 65536)):
                return
            *lines, rest = (rest + read).split(b"\n")
            yield from map(json.loads, lines)
    finally:
        os.close(reading)


def kill_server(data_folder: Path) -> bool:
    """Kill the embedded Redis server; return whether there was one."""
    try:
        os.kill(int((data_folder / "redis" / "redis.pid").read_text()), signal.SIGKILL)
    except (FileNotFoundError, ValueError, ProcessLookupError):
        return False
    return True
