"""HTTP clients that belong to one event loop each."""

import asyncio

import httpx


class HttpClients:
    """One client without a time limit per event loop, opened on first use and again after `aclose`."""

    def __init__(self) -> None:
        self._opened: dict[asyncio.AbstractEventLoop, asyncio.Task[httpx.AsyncClient]] = {}

    async def client(self) -> httpx.AsyncClient:
        """Return the running loop's client, made on a thread because it loads the CA certificates."""
        loop = asyncio.get_running_loop()
        if loop not in self._opened:
            self._opened = {other: task for other, task in self._opened.items() if not other.is_closed()}
            self._opened[loop] = asyncio.create_task(asyncio.to_thread(httpx.AsyncClient, timeout=None))
        return await asyncio.shield(self._opened[loop])

    async def aclose(self) -> None:
        opened = self._opened.pop(asyncio.get_running_loop(), None)
        if opened is not None:
            await (await opened).aclose()
