"""One agent for many tests, emptied before each: opening one takes twice as long as a turn."""

import asyncio

from graph.runtime.agent import Agent


async def empty(agent: Agent) -> None:
    """Delete everything an agent remembers, after its background work has ended."""
    layers = agent.layers
    await layers.recorder.flush()
    await layers.meter.flush()
    for owner in await layers.files.owners():
        await layers.episodes.wait_for_index(owner=owner)
        await layers.delegation.erase(owner=owner)
        await layers.episodes.erase(owner=owner)
        await layers.files.erase(owner)
    await asyncio.gather(*layers.episodes._background.here(), return_exceptions=True)
    await (await layers.redis.client()).flushall()
