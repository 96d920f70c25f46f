"""The warm-up that a typed line waits for; Ctrl-C takes the line back."""

import asyncio
from typing import Any

from rich.console import Console
from rich.text import Text

from bot.terminal.keyboard import ctrl_c

NOT_SENT = "Not sent: the memory is still being loaded."


async def loaded(console: Console, work: "asyncio.Future[Any]") -> bool:
    """Wait for `work`; say whether it is done, rather than that Ctrl-C ended the wait."""
    if work.done():
        return True
    given_up = asyncio.Event()
    giving_up = asyncio.create_task(given_up.wait())
    try:
        with console.status("loading the memory"), ctrl_c(given_up.set):
            await asyncio.wait({work, giving_up}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        giving_up.cancel()
    if given_up.is_set():
        console.print(Text(NOT_SENT, style="yellow"))
    return not given_up.is_set()
