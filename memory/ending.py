"""How background tasks end."""

import asyncio
from typing import Any

_PATIENCE = 0.2


async def end(*tasks: "asyncio.Task[Any]") -> list[Any]:
    """Cancel tasks until they have ended; return their results and errors.

    Once is not always enough: what a client library waits for with `asyncio.wait_for`, as redis-py does when
    it sends, loses a cancellation in Python 3.11 when it is done at the same moment.
    """
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=_PATIENCE)
    return await asyncio.gather(*tasks, return_exceptions=True)
