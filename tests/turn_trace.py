"""The product's files and functions that one plain Telegram turn passes: python -m tests.turn_trace."""

import asyncio
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from tests.servers.model import ModelServer, running_model_server
from tests.telegram_bot import BOB, lasting_bot

PRODUCT = ("bot", "graph", "memory", "nodes")
ROOT = Path(__file__).parents[1]
SAID = "I parked the car on level 3 at Baneasa yesterday."
PLAIN = "Where did I park?"


@dataclass(slots=True)
class TurnTrace:
    """The called functions, in the order of their first calls."""

    functions: dict[CodeType, Path | None] = field(default_factory=dict)
    """Each with its file, relative to the repository; None for files outside the product."""

    def note(self, frame: FrameType, event: str, _: Any) -> None:
        """Record a call; a profile function."""
        if event == "call" and frame.f_code not in self.functions:
            self.functions[frame.f_code] = _file_of(frame.f_code)

    @property
    def names(self) -> list[tuple[str, str]]:
        """The product's functions, as file and qualified name; a comprehension belongs to its function."""
        passed = [
            (str(file), code.co_qualname.partition(".<locals>.<")[0].replace(".<locals>", ""))
            for code, file in list(self.functions.items())
            if file is not None
        ]
        return list(dict.fromkeys(passed))

    @property
    def files(self) -> list[str]:
        """The product's files, in the order of their first calls."""
        return list(dict.fromkeys(file for file, _ in self.names))

    def listing(self) -> str:
        """Return each file, with its functions in the order of their first calls, and the counts."""
        lines = []
        for file in self.files:
            functions = [name for place, name in self.names if place == file]
            lines += [f"{file} ({len(functions)})", *(f"    {name}" for name in functions)]
        return "\n".join([*lines, f"{len(self.files)} files, {len(self.names)} functions"])


def _file_of(code: CodeType) -> Path | None:
    path = Path(code.co_filename)
    if code.co_name == "<module>" or not path.is_relative_to(ROOT):
        return None
    file = path.relative_to(ROOT)
    return file if file.parts[0] in PRODUCT else None


@contextmanager
def profiled(function: Callable[[FrameType, str, Any], None]) -> Iterator[None]:
    """Pass the calls of this thread, and of all threads started in the block, to a profile function."""
    threading.setprofile(function)
    sys.setprofile(function)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


@dataclass(slots=True)
class Profiler:
    """Traces all threads that start in its block; events go to the current trace."""

    trace: TurnTrace | None = None

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        """Pass an event on; a profile function."""
        if self.trace is not None:
            self.trace.note(frame, event, argument)


async def trace_turn(folder: Path, model: ModelServer) -> TurnTrace:
    """Run a bot on the tests' Bot API server, and trace its third turn from update to archive."""
    profiler = Profiler()
    with profiled(profiler):
        async with lasting_bot(folder, model) as bot:
            await bot.context.access.allow(BOB)
            for text in (SAID, PLAIN):
                await bot.ask(BOB, text)
            profiler.trace = trace = TurnTrace()
            await bot.ask(BOB, PLAIN)
            profiler.trace = None
    return trace


def main() -> None:
    """Trace a turn over embedded stores, and print the list."""
    os.environ["SSL_CERT_DIR"] = os.devnull
    with tempfile.TemporaryDirectory() as folder, running_model_server() as model:
        trace = asyncio.run(trace_turn(Path(folder), model))
    sys.stdout.write(f"{trace.listing()}\n")


if __name__ == "__main__":
    main()
