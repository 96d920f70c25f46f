"""The wait for the warm-up, after a line is typed."""

import asyncio
from typing import Any

from rich.console import Console
from rich.text import Text

from bot.terminal.keyboard import ctrl_c

NOT_SENT = "Not sent: the memory is still being loaded."


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
