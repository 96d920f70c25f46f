"""The owner, thread and input history of a terminal; keyboard input: lines, and Ctrl-C."""

import asyncio
import contextlib
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.history import FileHistory
from prompt_toolkit.patch_stdout import patch_stdout
from rich.console import Console

from bot.printable import show
from graph.state.circumstances import thread_id
from memory.database import owner_key
from memory.text.text import clean
from memory.working.server_folder import folder_error


@dataclass(slots=True)
class TerminalPlace:
    """The owner and the thread of this terminal."""

    owner: str
    thread: str
    folder: Path
    """Holds the input history, and the id of the latest thread."""

    @property
    def _latest(self) -> Path:
        return self.folder / f"{owner_key(self.owner)}.thread"

    def begin(self, name: str = "") -> None:
        """Begin the named thread, or a new one, and save it as the latest.

        Raises:
            DataFolderError: it cannot be saved.
        """
        self.thread = thread_id("terminal", self.owner, name or uuid.uuid4().hex)
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._latest.write_text(self.thread, encoding="utf-8")
        except OSError as error:
            raise folder_error(self.folder.parent, error) from None

    def resume(self) -> None:
        """Continue the latest thread; begin a new one if none is saved or readable."""
        if thread := self.latest():
            self.thread = thread
        else:
            self.begin()

    def latest(self) -> str:
        """Return the latest thread; "" if none is saved or readable."""
        try:
            return str(uuid.UUID(self._latest.read_text(encoding="utf-8").strip()))
        except (OSError, ValueError):
            return ""

    def history(self) -> FileHistory:
        """Return the input history of this and earlier runs, in a file that only the user can read.

        Raises:
            DataFolderError: it cannot be written.
        """
        path = self.folder / f"{owner_key(self.owner)}.history"
        try:
            path.touch(mode=0o600)
        except OSError as error:
            raise folder_error(self.folder.parent, error) from None
        return History(str(path))


class History(FileHistory):
    """Input history in a file; a full disk loses a line of history, but not the turn."""

    def store_string(self, string: str) -> None:
        with contextlib.suppress(OSError):
            super().store_string(clean(string))


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
        show(console, NOT_SENT, "yellow")
    return not interrupted.is_set()
