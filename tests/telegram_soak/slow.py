"""Effect of a slow chat on the others: two concurrent bots, one of which has such a chat."""

import asyncio
import contextlib
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.nursery import Nursery
from tests.telegram_soak.layouts import ALONE
from tests.telegram_soak.script import ANSWER, Chat, Line, Plan, Step, chats, steps
from tests.telegram_soak.trial import Progress, rest
from tests.telegram_soak.world import World, running_world
from tests.telegram_soak.written import Written, write

SLOW_SECONDS = 3.0
SLOW_MESSAGES, SLOW_BURST = 20, 5
_WARM_UP_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Paces:
    """Seconds from a message to its whole answer, in the other chats."""

    without: Sequence[float]
    beside: Sequence[float]

    @property
    def ratio(self) -> float:
        """Return the ratio of the 95th percentiles with and without a slow chat."""
        return p95(self.beside) / p95(self.without)

    def __str__(self) -> str:
        return (
            f"slow model in one chat: p95 of the others {p95(self.beside):.2f} s (median "
            f"{statistics.median(self.beside):.2f} s), without it {p95(self.without):.2f} s "
            f"({statistics.median(self.without):.2f} s): {self.ratio:.2f} times"
        )


def p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


async def measure(nursery: Nursery, plan: Plan, folder: Path, progress: Progress = lambda: None) -> Paces:
    """Send two bots the same messages at the same time; the second has one more chat, which is slow."""
    everybody = chats(plan.chats + 1)
    async with contextlib.AsyncExitStack() as stack:
        worlds = [
            await stack.enter_async_context(
                running_world(nursery, ALONE, folder / name, everybody, seed=plan.seed)
            )
            for name in ("without", "beside")
        ]
        slow = everybody[-1]
        worlds[1].model.waits[slow.number] = SLOW_SECONDS
        written = [Written(), Written()]
        await asyncio.sleep(_WARM_UP_SECONDS)
        await asyncio.to_thread(_drive, worlds, written, plan, slow, progress)
        for world in worlds:
            await rest(world)
        pairs = zip(worlds, written, strict=True)
        return Paces(*[_times(world, told, besides=slow) for world, told in pairs])


def _drive(
    worlds: Sequence[World], written: Sequence[Written], plan: Plan, slow: Chat, progress: Progress
) -> None:
    for step in with_slow(steps(replace(plan, kills=0, freezes=0)), slow):
        time.sleep(step.pause)
        assert isinstance(step.act, Line)
        for world, told in zip(worlds, written, strict=True):
            if step.act.chat != slow or world is worlds[1]:
                write(world, step.act, told)
        progress()


def with_slow(others: Sequence[Step], slow: Chat) -> list[Step]:
    """Insert bursts of the slow chat between the other messages, from the start."""
    bursts = SLOW_MESSAGES // SLOW_BURST
    every = max(1, len(others) // bursts)
    mixed = list[Step]()
    for number, step in enumerate(others):
        if number % every == 0 and number // every < bursts:
            first = number // every * SLOW_BURST
            mixed += [Step(0.0, Line(slow, place)) for place in range(first, first + SLOW_BURST)]
        mixed.append(step)
    return mixed


def _times(world: World, written: Written, *, besides: Chat) -> list[float]:
    """Return the seconds to each answer, which for an edited message may be an edit of the first one."""
    done: dict[str, float] = {}
    for call in [*world.api.calls("sendMessage"), *world.api.calls("editMessageText")]:
        if call.status == 200 and (match := ANSWER.fullmatch(call.parameters["text"])):
            done |= dict.fromkeys(match[1].split(), call.at + call.seconds) | done
    return [done[line.tag] - at for line, at in written.at.items() if line.chat != besides]
