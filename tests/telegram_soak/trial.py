"""One trial: people write, processes are killed, and the results are checked."""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from memory.errors import TierUnavailable
from tests.nursery import Nursery
from tests.telegram_soak.check import check
from tests.telegram_soak.faults import let_go_wrong
from tests.telegram_soak.figures import Figures
from tests.telegram_soak.layouts import Layout
from tests.telegram_soak.script import Forget, Freeze, Kill, Line, Outage, Plan, Step, chats, steps
from tests.telegram_soak.world import World, running_world
from tests.telegram_soak.written import Written, confirm, forget, write

REST_SECONDS = 600.0
_QUIET_SECONDS = 4.0
"""Seconds of silence after which a bot without a list of pending work counts as done."""
_LOOK_SECONDS = 0.25
_SETTLE_SECONDS = 1.0
"""Extra seconds for late actions of a process that was suspended."""

Progress = Callable[[], None]


async def run_trial(
    nursery: Nursery, layout: Layout, plan: Plan, folder: Path, progress: Progress = lambda: None
) -> Figures:
    """Run a trial, and return its results."""
    began = time.monotonic()
    async with running_world(nursery, layout, folder, chats(plan.chats), seed=plan.seed) as world:
        let_go_wrong(world.api)
        figures, written = Figures(layout.name), Written()
        await asyncio.to_thread(_drive, world, steps(plan), written, figures, progress)
        ended = time.monotonic()
        await (_end(world, written, figures) if layout.ours else _quiet(world, plan))
        figures.tail = time.monotonic() - ended
        await check(world, written, figures)
    figures.seconds = time.monotonic() - began
    return figures


def _drive(
    world: World, plan: Sequence[Step], written: Written, figures: Figures, progress: Progress
) -> None:
    for step in plan:
        time.sleep(step.pause)
        world.crew.tend()
        match step.act:
            case Line():
                write(world, step.act, written)
                progress()
            case Kill():
                _kill(world, step.act, figures)
            case Freeze():
                world.crew.freeze(step.act.whom, step.act.seconds)
                figures.freezes += 1
            case Outage():
                world.crew.take_down(step.act.seconds)
                figures.outages += 1
            case Forget() if world.crew.layout.ours:
                forget(world, step.act.line, written)
        confirm(world, written)


def _kill(world: World, kill: Kill, figures: Figures) -> None:
    if not kill.redis:
        world.crew.kill(kill.whom)
        figures.kills += 1
    elif world.crew.layout.ours and world.kill_server():
        figures.kills += 1
        figures.server_kills += 1


async def _end(world: World, written: Written, figures: Figures) -> None:
    try:
        await rest(world)
        while await asyncio.to_thread(confirm, world, written):
            await rest(world)
        await asyncio.sleep(_SETTLE_SECONDS)
    except TimeoutError:
        figures.other.append(f"There is work left after {REST_SECONDS:.0f} s.")


async def rest(world: World) -> None:
    """Wait until no work is pending."""
    async with asyncio.timeout(REST_SECONDS):
        while not await _is_idle(world):  # noqa: ASYNC110 - in Redis
            await asyncio.sleep(_LOOK_SECONDS)


async def _is_idle(world: World) -> bool:
    world.crew.tend()
    try:
        down = world.crew.frozen or world.crew.down_until
        return not down and not world.api.pending and not await world.lanes.waiting()
    except TierUnavailable:
        return False


async def _quiet(world: World, plan: Plan) -> None:
    """Wait until a bot is silent."""
    said, since = 0, time.monotonic()
    while world.crew.down_until or world.api.pending or time.monotonic() - since < _QUIET_SECONDS:
        await asyncio.sleep(_LOOK_SECONDS * 2)
        world.crew.tend()
        now = sum(len(world.api.answers(chat_id)) for chat_id in {c.chat_id for c in chats(plan.chats)})
        said, since = (now, time.monotonic()) if now != said else (said, since)
