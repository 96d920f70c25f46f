"""HTTP clients that belong to one event loop each."""

import asyncio

import httpx

from memory.errors import TierUnavailable


class HttpClients:
    """One client without a time limit per event loop, opened on first use and again after `aclose`."""

    def __init__(self, tier: str) -> None:
        self._tier = tier
        self._opened: dict[asyncio.AbstractEventLoop, asyncio.Task[httpx.AsyncClient]] = {}

    async def client(self) -> httpx.AsyncClient:
        """Return the running loop's client, made on a thread because it loads the CA certificates.

        Raises:
            TierUnavailable: the certificates or the proxy of the environment cannot be used.
        """
        loop = asyncio.get_running_loop()
        if loop not in self._opened:
            self._opened = {other: task for other, task in self._opened.items() if not other.is_closed()}
            self._opened[loop] = asyncio.create_task(asyncio.to_thread(httpx.AsyncClient, timeout=None))
        try:
            return await asyncio.shield(self._opened[loop])
        except (OSError, ValueError) as error:
            self._opened.pop(loop, None)
            detail = f"no HTTP client can be opened ({error}); check SSL_CERT_FILE and the proxy variables"
            raise TierUnavailable(self._tier, detail) from error

    async def aclose(self) -> None:
        opened = self._opened.pop(asyncio.get_running_loop(), None)
        if opened is not None:
            await (await opened).aclose()
