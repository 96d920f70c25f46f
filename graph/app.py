"""The agent for every front end.

Importing this module is fast: LangGraph, which takes a second, is imported when an agent is opened.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import ModuleType
from typing import TYPE_CHECKING

from graph.settings.settings import Settings

if TYPE_CHECKING:
    from graph.runtime.agent import Agent


@asynccontextmanager
async def open_agent(settings: Settings | None = None, *, follow: bool = False) -> AsyncIterator["Agent"]:
    """Open the agent on the configured stores, with checkpoints in Redis.

    Args:
        settings: None loads them from files and environment.
        follow: reload tuned settings from the files before each turn; implied without `settings`.
    """
    factory = await asyncio.to_thread(_factory)
    agent: Agent = factory.make_agent(settings, follow=follow or settings is None)
    try:
        await agent.layers.telemetry.open()
        yield agent
    finally:
        await agent.aclose()
        await agent.layers.close()


def _factory() -> ModuleType:
    from graph.runtime import agent_factory  # noqa: PLC0415 - see above

    return agent_factory
