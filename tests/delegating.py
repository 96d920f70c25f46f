"""A process that delegates one task and works on it until it is killed: `python -m tests.delegating`."""

import asyncio

from graph.app import open_agent
from graph.settings.settings_loader import load_settings
from tests.crash.settings import embed_by_hash
from tests.team import delegated


async def main() -> None:
    """Delegate, then wait for ever."""
    async with open_agent(load_settings()) as agent:
        await delegated(agent)
        await asyncio.Event().wait()


if __name__ == "__main__":
    embed_by_hash()
    asyncio.run(main())
