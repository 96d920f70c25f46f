"""A SOCKS5 proxy on a loopback port for a browser, which connects only to addresses that it has checked.

The browser resolves no names itself, so every connection goes to a checked address.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field

from graph.tools.plugins.addresses import AddressRefused, resolve

_PIECE = 64 * 1024
_HEAD_SECONDS = 20.0
_CONNECT_SECONDS = 10.0
_FAILURES = (OSError, ValueError, EOFError)
_NO_LOGIN = b"\x05\x00"
_CONNECT_TO_NAME = b"\x05\x01\x00\x03"
"""Chromium sends every host by name, addresses too."""
_CONNECTED = b"\x05\x00\x00\x01" + bytes(6)


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
            async with asyncio.timeout(_HEAD_SECONDS):
                host, port = await _read_target(reader, writer)
            there_reader, there = await self._connect(host, port)
        except AddressRefused as error:
            self.refused.append(str(error))
        except _FAILURES:
            pass
        else:
            with closing(there), suppress(*_FAILURES):
                writer.write(_CONNECTED)
                up = asyncio.create_task(self._copy(reader, there))
                try:
                    await self._copy(there_reader, writer)
                finally:
                    up.cancel()
        finally:
            writer.close()

    async def _connect(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        failure: Exception = ConnectionError("no address")
        for address in await resolve(host, port, private=self.private):
            try:
                async with asyncio.timeout(_CONNECT_SECONDS):
                    return await asyncio.open_connection(address, port)
            except OSError as error:
                failure = error
        raise failure

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Copy to the end, or until the page exceeds `most_bytes`."""
        with suppress(OSError):
            while (piece := await reader.read(_PIECE)) and self.passed <= self.most_bytes:
                self.passed += len(piece)
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

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _read_target(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, int]:
    """Return the host and port that the browser asks for.

    Raises:
        ValueError, EOFError: it does not speak SOCKS5, or asks for something else than a connection.
    """
    _, methods = await reader.readexactly(2)
    await reader.readexactly(methods)
    writer.write(_NO_LOGIN)
    if await reader.readexactly(4) != _CONNECT_TO_NAME:
        raise ValueError("no request for a connection")
    (length,) = await reader.readexactly(1)
    host = await reader.readexactly(length)
    return host.decode("ascii"), int.from_bytes(await reader.readexactly(2))
