"""A proxy on a loopback port for a browser, which connects only to addresses that it has checked.

The browser resolves no names itself, so every connection goes to a checked address. HTTPS is tunnelled.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field

import httpx

from graph.tools.plugins.addresses import AddressRefused, resolve

_PIECE = 64 * 1024
_HEAD_BYTES = 64 * 1024
_HEAD_SECONDS = 20.0
_CONNECT_SECONDS = 10.0
_FAILURES = (OSError, ValueError, EOFError, asyncio.LimitOverrunError, httpx.InvalidURL)
_HOP_HEADERS = (b"connection", b"proxy-connection", b"keep-alive", b"proxy-authorization")


@dataclass(frozen=True, slots=True)
class _Request:
    method: bytes
    url: httpx.URL
    headers: list[bytes]

    @property
    def is_tunnel(self) -> bool:
        return self.method == b"CONNECT"

    @property
    def port(self) -> int:
        return self.url.port or (443 if self.is_tunnel else 80)

    def onward(self) -> bytes:
        """The request's head for the server; a connection serves one request."""
        first = self.method + b" " + self.url.raw_path + b" HTTP/1.1"
        return _head([first, *_end_to_end(self.headers), b"Connection: close"])

    @property
    def length(self) -> int:
        """Bytes of the body."""
        for line in self.headers:
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-length":
                return int(value)
        return 0


@dataclass(slots=True)
class Proxy:
    """The proxy of one page, with its traffic limit."""

    private: bool
    most_bytes: int
    port: int = 0
    refused: list[str] = field(default_factory=list)
    """Messages about hosts that may not be connected to."""
    passed: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection of the browser; if the server cannot be reached, close it."""
        try:
            request = _parse(await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _HEAD_SECONDS))
            there_reader, there = await self._connect(request)
        except AddressRefused as error:
            self.refused.append(str(error))
        except _FAILURES:
            pass
        else:
            with closing(there), suppress(*_FAILURES):
                await self._pass(request, (reader, writer), (there_reader, there))
        finally:
            writer.close()

    async def _connect(self, request: _Request) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        failure: Exception = ConnectionError("no address")
        for address in await resolve(request.url.host, request.port, private=self.private):
            try:
                async with asyncio.timeout(_CONNECT_SECONDS):
                    return await asyncio.open_connection(address, request.port, limit=_HEAD_BYTES)
            except OSError as error:
                failure = error
        raise failure

    async def _pass(
        self,
        request: _Request,
        here: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        there: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        if request.is_tunnel:
            here[1].write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            up = asyncio.create_task(self._copy(here[0], there[1], None))
        else:
            there[1].write(request.onward())
            up = asyncio.create_task(self._copy(here[0], there[1], request.length))
        try:
            if not request.is_tunnel:
                lines = (await there[0].readuntil(b"\r\n\r\n"))[:-4].split(b"\r\n")
                here[1].write(_head([lines[0], *_end_to_end(lines[1:]), b"Connection: close"]))
            await self._copy(there[0], here[1], None)
        finally:
            up.cancel()

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, length: int | None
    ) -> None:
        """Copy `length` bytes, or all if None, until the page exceeds `most_bytes`."""
        left = length
        with suppress(OSError):
            while left is None or left > 0:
                piece = await reader.read(_PIECE if left is None else min(_PIECE, left))
                self.passed += len(piece)
                if not piece or self.passed > self.most_bytes:
                    return
                left = None if left is None else left - len(piece)
                writer.write(piece)
                await writer.drain()


@asynccontextmanager
async def running_proxy(*, private: bool, most_bytes: int) -> AsyncIterator[Proxy]:
    """Run a proxy on a free port during the block."""
    proxy = Proxy(private=private, most_bytes=most_bytes)
    running: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            running.add(task)
            task.add_done_callback(running.discard)
        with suppress(asyncio.CancelledError):  # the page is closed
            await proxy.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=_HEAD_BYTES)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _parse(head: bytes) -> _Request:
    first, *headers = head[:-4].split(b"\r\n")
    method, target, _ = first.split(b" ")
    if method == b"CONNECT":
        return _Request(
            method, httpx.URL(f"https://{target.decode('ascii')}").copy_with(port=_port(target)), []
        )
    url = httpx.URL(target.decode("ascii"))
    if url.scheme != "http" or not url.host:
        raise ValueError("no address to connect to")
    return _Request(method, url, headers)


def _port(target: bytes) -> int:
    return int(target.rpartition(b":")[2])


def _end_to_end(headers: Iterable[bytes]) -> list[bytes]:
    """Return headers without those of a single connection (hop-by-hop)."""
    return [line for line in headers if line.partition(b":")[0].strip().lower() not in _HOP_HEADERS]


def _head(lines: Iterable[bytes]) -> bytes:
    return b"\r\n".join(lines) + b"\r\n\r\n"
