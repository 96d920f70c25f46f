"""Keyboard input: lines, and Ctrl-C."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.history import FileHistory
from prompt_toolkit.patch_stdout import patch_stdout
from rich.console import Console
from rich.text import Text

NOT_SENT = "Not sent: the memory is still being loaded."
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


async def loaded(console: Console, work: "asyncio.Future[Any]") -> bool:
    """Wait for `work`; return False when Ctrl-C ends the wait."""
    if work.done():
        return True
    interrupted = asyncio.Event()
    interrupt = asyncio.create_task(interrupted.wait())
    try:
        with console.status("loading the memory"), ctrl_c(interrupted.set):
            await asyncio.wait({work, interrupt}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        interrupt.cancel()
    if interrupted.is_set():
        console.print(Text(NOT_SENT, style="yellow"))
    return not interrupted.is_set()
