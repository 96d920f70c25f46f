"""Keyboard input: lines, and Ctrl-C."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator

from prompt_toolkit import PromptSession
from prompt_toolkit.history import FileHistory
from prompt_toolkit.patch_stdout import patch_stdout

_YES = {"y", "yes", "d", "da"}


def is_terminal() -> bool:
    """Return whether stdin and stdout are both a terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def is_yes(answer: str) -> bool:
    """Return whether an answer is a plain yes, in English or Romanian."""
    return answer.strip().lower() in _YES


async def ask(question: str) -> str:
    """Ask for one line; return "" when nothing is typed, or on Ctrl-C or Ctrl-D."""
    if not sys.stdin.isatty():
        piped: bytes = await asyncio.to_thread(sys.stdin.buffer.readline)
        return piped.decode("utf-8", "replace").strip()
    try:
        with patch_stdout(raw=True):
            session: PromptSession[str] = PromptSession(question)
            typed: str = await session.prompt_async()
            return typed.strip()
    except (KeyboardInterrupt, EOFError):
        return ""


async def typed_lines(history: Callable[[], FileHistory]) -> AsyncIterator[str]:
    """Yield the lines that the user types, until Ctrl-D, or the lines of piped input."""
    if not sys.stdin.isatty():
        while line := await asyncio.to_thread(sys.stdin.buffer.readline):
            yield line.decode("utf-8", "replace").rstrip("\r\n")
        return
    session: PromptSession[str] = PromptSession("> ", history=history())
    while True:
        try:
            with patch_stdout(raw=True):
                line = await session.prompt_async()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        yield line


@contextlib.contextmanager
def ctrl_c(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` on Ctrl-C during the block; a second Ctrl-C ends the process.

    The interrupted turn is pending in the checkpoint, and the next start finishes it.
    """
    loop, presses = asyncio.get_running_loop(), 0

    def press() -> None:
        nonlocal presses
        presses += 1
        if presses > 1:
            loop.remove_signal_handler(signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
        stop()

    loop.add_signal_handler(signal.SIGINT, press)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
