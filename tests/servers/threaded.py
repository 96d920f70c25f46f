"""ASGI applications on a loopback port, each in its own thread."""

import asyncio
import socket
import threading
from typing import Any, Generic, Protocol, TypeVar

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol


def listening(host: str, port: int) -> socket.socket:
    """Listen on a port; 0 takes a free one."""
    taken = socket.create_server((host, port))
    # Connections inherit it; asyncio sets it only on sockets made with an explicit protocol, and without it
    # each answer waits 40 ms for the client's acknowledgement.
    taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return taken


class DroppingProtocol(H11Protocol):
    """HTTP/1.1 that gives the application its connection, so that it can drop it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


def asgi_server(application: ASGIApp, **options: Any) -> uvicorn.Server:
    """Return a server of plain HTTP without logs; `options` as for `uvicorn.Config`."""
    quiet: dict[str, Any] = {"ws": "none", "lifespan": "off", "log_config": None, "access_log": False}
    return uvicorn.Server(uvicorn.Config(application, **quiet, **options))


class ThreadedServer:
    """An application that is served until it is stopped."""

    def __init__(
        self, application: ASGIApp, *, name: str, host: str = "127.0.0.1", port: int = 0, **options: Any
    ) -> None:
        self._socket = listening(host, port)
        self._server = asgi_server(application, **options)
        self._thread = threading.Thread(target=self.run, name=name, daemon=True)

    @property
    def port(self) -> int:
        """Its port."""
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://{self._socket.getsockname()[0]}:{self.port}"

    def run(self) -> None:
        """Serve until stopped; in the main thread, until interrupted."""
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def start(self) -> None:
        """Serve in the background; requests are accepted at once."""
        self._thread.start()

    def stop(self) -> None:
        """Close every connection and join the thread."""
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join()
        self._socket.close()


class Startable(Protocol):
    """Something that can be started and stopped."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


S = TypeVar("S", bound=Startable)


class Running(Generic[S]):
    """Runs a server during a block, `with` or `async with`."""

    def __init__(self, server: S) -> None:
        self._server = server

    def __enter__(self) -> S:
        self._server.start()
        return self._server

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    async def __aenter__(self) -> S:
        return self.__enter__()

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._server.stop)
