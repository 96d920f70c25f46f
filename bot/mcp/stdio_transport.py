"""The MCP server over stdin and stdout, for the client that started it."""

import contextlib
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator

import anyio
from mcp.server.stdio import stdio_server

from bot.mcp.process_signals import on_stop_signal
from bot.mcp.server import McpServer

_BLOCK = 65_536
logger = logging.getLogger(__name__)


async def serve_stdio(server: McpServer) -> None:
    """Serve until stdin is closed or the process is stopped; stdout carries only the protocol."""
    with _lines_of(sys.stdin.fileno()) as (lines, end), on_stop_signal(end):
        try:
            async with stdio_server(stdin=lines) as (received, sent):
                await server.run(received, sent, server.create_initialization_options())
        except* BrokenPipeError:
            logger.info("The client disconnected")


@contextlib.contextmanager
def _lines_of(descriptor: int) -> Iterator[tuple[anyio.AsyncFile[str], Callable[[], None]]]:
    """Yield stdin's lines, and a function that ends them: a thread blocked on stdin cannot be woken."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        threading.Thread(target=_pump, args=(descriptor, theirs), name="goat-stdin", daemon=True).start()
        with ours.makefile("r", encoding="utf-8", errors="replace") as text:
            yield anyio.wrap_file(text), lambda: _shut(theirs)


def _pump(descriptor: int, into: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while block := os.read(descriptor, _BLOCK):
            into.sendall(block)
    _shut(into)


def _shut(channel: socket.socket) -> None:
    with contextlib.suppress(OSError):
        channel.shutdown(socket.SHUT_WR)
