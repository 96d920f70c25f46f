"""HTTP servers: the webhook and the health checks of the bot; sockets to listen at."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from graph.settings.server_settings import parse_address
from memory.errors import ConfigError

WEBHOOK_PATH = "/telegram"
Ready = Callable[[], Awaitable[dict[str, str]]]
Handle = Callable[[Request], Awaitable[Response]]


class Server(uvicorn.Server):
    """A server that leaves signals to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serve(address: str, ready: Ready, receive: Handle | None) -> AsyncIterator[None]:
    """Serve for the duration of the block.

    Args:
        address: host:port; processes of one machine may share it.
        ready: returns what is not ready, by name; empty if everything is.
        receive: handles posts to `WEBHOOK_PATH`.

    Raises:
        ConfigError: the address cannot be used.
    """
    config = uvicorn.Config(_app(ready, receive), log_config=None, access_log=False, lifespan="off")
    server = Server(config)
    with listen(address, "GOAT_TELEGRAM_LISTEN", shared=True) as listener:
        task = asyncio.create_task(server.serve([listener]))
        try:
            yield
        finally:
            server.should_exit = True
            await task


def _app(ready: Ready, receive: Handle | None) -> Starlette:
    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_: Request) -> Response:
        missing = await ready()
        return JSONResponse({"ready": not missing, "missing": missing}, status_code=503 if missing else 200)

    routes = [Route("/healthz", healthz), Route("/readyz", readyz)]
    if receive is not None:

        async def webhook(request: Request) -> Response:  # Starlette treats other callables as ASGI apps
            return await receive(request)

        routes.append(Route(WEBHOOK_PATH, webhook, methods=["POST"]))
    return Starlette(routes=routes)


def listen(address: str, setting: str, *, shared: bool) -> socket.socket:
    """Bind a socket to host:port.

    Args:
        address: the value of a setting, already checked.
        setting: its name, for the error.
        shared: whether processes of one machine may share the address.

    Raises:
        ConfigError: the address cannot be used.
    """
    host, port = parse_address(address)
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared and hasattr(socket, "SO_REUSEPORT"):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"{setting}: cannot listen at {host}:{port} ({error.strerror}). Choose another."
        ) from None
    return listener
