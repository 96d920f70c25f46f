"""HTTP servers: the webhook and the health checks of the bot; servers that run until they are stopped."""

import asyncio
import contextlib
import ipaddress
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from graph.settings.server_settings import parse_address
from graph.studio.http_guard import LOOPBACK, HttpGuard, at_any_port
from memory.errors import ConfigError

WEBHOOK_PATH = "/telegram"
_CONNECTIONS = 100
_SHUTDOWN_SECONDS = 10
Ready = Callable[[], Awaitable[dict[str, str]]]
Handle = Callable[[Request], Awaitable[Response]]


class Server(uvicorn.Server):
    """A server that leaves signals to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serve(address: str, ready: Ready, receive: Handle | None) -> AsyncIterator[None]:
    """Serve for the duration of the block; processes of one machine may share the address.

    `ready` returns what is not ready, by name; `receive` handles posts to `WEBHOOK_PATH`. Raises as `listen`.
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


async def read_body(request: Request, most: int) -> bytes | None:
    """Return the body; None if it is longer than `most` bytes, whatever its header says."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)


def listen(address: str, setting: str, *, shared: bool) -> socket.socket:
    """Bind a socket to host:port, the valid value of a setting; processes of one machine may share it.

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


async def run_server(
    app: ASGIApp,
    address: str,
    setting: str,
    announce: Callable[[], None],
    end: Callable[[], object] = lambda: None,
) -> None:
    """Serve until the process is stopped; raises as `listen`.

    `announce` is called once the address is bound, `end` on the stop signal, to end long responses.
    """

    def stop() -> None:
        server.should_exit = True
        end()

    with listen(address, setting, shared=False) as listener:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            ws="none",
            server_header=False,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        )
        server = Server(config)
        announce()
        with on_stop_signal(stop):
            await server.serve([listener])


def guard_of(address: str, names: Sequence[str]) -> HttpGuard:
    """Return the guard of a server at `address` that clients also call by `names`."""
    hosts = allowed_hosts(address, names)
    return HttpGuard(hosts, [f"{scheme}://{host}" for host in hosts for scheme in ("http", "https")])


def allowed_hosts(address: str, names: Sequence[str]) -> list[str]:
    """Return the permitted Host headers; `:*` is any port."""
    host, _ = parse_address(address)
    named = [] if _is_every_address(host) else [f"[{host}]" if ":" in host else host]
    return at_any_port([*LOOPBACK, *named, *names])


def check_address(address: str, names: Sequence[str], setting: str, example: str) -> None:
    """Raise `ConfigError` unless a server may listen at this address, which clients call by `names`."""
    try:
        host, _ = parse_address(address)
    except ValueError as error:
        raise ConfigError(f"{address!r} is not an address: {error}.") from None
    if _is_every_address(host) and not names:
        raise ConfigError(
            f"{address} is every address of this machine: set {setting} to the names by which clients "
            f"call it, such as {example}."
        )


def _is_every_address(host: str) -> bool:
    """Return True for 0.0.0.0 and ::."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


@contextlib.contextmanager
def on_stop_signal(end: Callable[[], None]) -> Iterator[None]:
    """Call `end` on Ctrl-C and SIGTERM during the block."""
    loop, signals = asyncio.get_running_loop(), (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, end)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
