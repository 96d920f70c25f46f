"""The server in its own thread."""

import asyncio
import contextlib
import threading
from typing import Any

from tests.servers.telegram.application import application
from tests.servers.telegram.control import Control
from tests.servers.telegram.dispatcher import Dispatcher
from tests.servers.telegram.faults import Faults
from tests.servers.telegram.flood import Flood
from tests.servers.telegram.state import State
from tests.servers.telegram.surface import Surface
from tests.servers.telegram.webhook import Deliverer
from tests.servers.threaded import DroppingProtocol, Running, asgi_server, listening

KEEP_ALIVE = 75
CALL_TIMEOUT = 60.0


class BotApi(Surface):
    """A Bot API server that imitates Telegram; usable from any thread but its own."""

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, seed: int = 0) -> None:
        self._state = State()
        self._deliverer = Deliverer(self._state)
        faults, flood = Faults(seed), Flood()
        self._control = Control(self._state, faults, flood, self._deliverer)
        self._socket = listening(host, port)
        dispatcher = Dispatcher(self._state, faults, flood)
        served = application(dispatcher, self._control)
        self._server = asgi_server(served, http=DroppingProtocol, timeout_keep_alive=KEEP_ALIVE)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self.serve, name="bot-api", daemon=True)

    @property
    def url(self) -> str:
        """The address of the server, without a slash at the end."""
        host, port = self._socket.getsockname()[:2]
        return f"http://{host}:{port}"

    @property
    def token(self) -> str:
        """The bot's token, until it is revoked."""
        return self._state.token

    def run(self, operation: str, **parameters: Any) -> Any:
        """Run an operation in the server's loop; it returns once its effect is visible."""
        if self._loop is None:
            raise RuntimeError("The server is not running.")
        running = asyncio.run_coroutine_threadsafe(self._control.run(operation, parameters), self._loop)
        return running.result(CALL_TIMEOUT)

    def serve(self) -> None:
        """Serve until stopped; in the main thread, until interrupted."""
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        delivery = asyncio.create_task(self._deliverer.run())
        serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        closing = asyncio.create_task(self._state.changes.closing())
        self._started.set()
        await asyncio.wait({serving, closing}, return_when=asyncio.FIRST_COMPLETED)
        self._loop = None
        await _cancel(delivery, closing, serving)
        await self._hang_up()

    async def _hang_up(self) -> None:
        """Close what uvicorn would close only after a delay."""
        for listener in self._server.servers:
            listener.close()
        for connection in list(self._server.server_state.connections):
            if connection.transport is not None:
                connection.transport.close()
        running = self._server.server_state.tasks
        if running:
            await asyncio.wait(running, timeout=1.0)

    def start(self) -> None:
        """Serve in the background; requests are accepted at once."""
        self._thread.start()
        self._started.wait()

    def stop(self) -> None:
        """End all waits, close every connection and join the thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._state.changes.close)
        self._thread.join()
        self._socket.close()


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def running_bot_api(*, port: int = 0, seed: int = 0) -> Running[BotApi]:
    """Return a server for a `with` block, on a free port by default."""
    return Running(BotApi(port=port, seed=seed))
