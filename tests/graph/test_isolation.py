"""No memory reaches another owner, by any path, whatever is done in which order."""

import random

import pytest

from graph.runtime.agent import Agent
from tests.isolation import OPERATIONS, SILENT, World
from tests.servers.model import ModelServer

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def no_leak(agent: Agent, model: ModelServer, *, owners: int, operations: int) -> None:
    world = World(agent, model, owners, random.Random(operations))
    await world.fill()
    for operation, _ in OPERATIONS:
        await world.check(operation, 0)
    await world.run(operations)
    assert not world.leaks[:5]
    blind = [
        name for name, times in world.done.items() if name not in SILENT and world.seen[name] < times / 2
    ]
    assert not blind, "these showed their owner's canary too seldom to prove anything"
    assert world.done.total() == operations + len(OPERATIONS)


async def test_random_operations_show_nobody_elses_canary(agent: Agent, model: ModelServer) -> None:
    await no_leak(agent, model, owners=4, operations=300)


@pytest.mark.soak
@pytest.mark.timeout(7200)
async def test_a_hundred_thousand_operations_of_fifty_owners(agent: Agent, model: ModelServer) -> None:
    await no_leak(agent, model, owners=50, operations=100_000)
