"""The processes of a bot, which are killed and restarted."""

import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.nursery import Life, Nursery
from tests.telegram_soak.layouts import Layout


@dataclass(slots=True)
class Crew:
    """Processes that are restarted as by a supervisor."""

    nursery: Nursery
    layout: Layout
    environment: Mapping[str, str]
    folder: Path
    ended: int = 0
    """How many ended by themselves."""
    frozen: list[tuple[float, Life]] = field(default_factory=list)
    """Suspended processes, and until when."""
    down_until: float = 0.0
    """End of an outage; 0 outside of one."""
    _lives: list[Life] = field(default_factory=list)

    def start(self) -> None:
        """Start all of them."""
        self._lives = [self._begin(number) for number in range(len(self.layout.processes))]

    def kill(self, whom: float) -> None:
        """Kill the one at this place, from 0 to 1, and restart it at once; nothing in an outage."""
        if self.down_until:
            return
        number = int(whom * len(self._lives))
        self._lives[number].kill()
        self._lives[number] = self._begin(number)

    def freeze(self, whom: float, seconds: float) -> None:
        """Suspend the one at this place for this long; nothing in an outage."""
        if self.down_until:
            return
        life = self._lives[int(whom * len(self._lives))]
        life.signal(signal.SIGSTOP)
        self.frozen.append((time.monotonic() + seconds, life))

    def take_down(self, seconds: float) -> None:
        """Kill all of them, to be started again after this long."""
        self.stop()
        self.frozen.clear()
        self.down_until = time.monotonic() + seconds

    def tend(self) -> None:
        """Resume or start processes whose time is over, and restart those that ended by themselves."""
        if self.down_until and self.down_until < time.monotonic():
            self.down_until = 0.0
            self.start()
        due = [life for until, life in self.frozen if until < time.monotonic()]
        self.frozen = [(until, life) for until, life in self.frozen if life not in due]
        for life in due:
            life.signal(signal.SIGCONT)
        for number, life in enumerate(self._lives):
            if not life.runs:
                life.wait()
                self.ended += 1
                self._lives[number] = self._begin(number)

    def stop(self) -> None:
        """Kill all of them, and wait for their end, so that nobody uses the data folder."""
        for life in self._lives:
            life.kill()
        self._lives.clear()

    def _begin(self, number: int) -> Life:
        words = self.layout.processes[number]
        with (self.folder / f"process-{number}.log").open("ab") as log:
            said = log.fileno()
            return self.nursery.begin(
                *words, environment=self.environment, stdout=said, stderr=said, hashed=True
            )
