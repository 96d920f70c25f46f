"""A reply while it is written: frames of it, and before the first word a sign that the bot is at work."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Self

from bot.telegram.answer import Answer

_ACTING_SECONDS = 4.5
"""Telegram shows for five seconds that somebody types."""
_DRAFT_SECONDS = 15.0
"""A draft goes away after thirty."""
_STOP_SECONDS = 0.3


class Streaming:
    """Shows what is written so far, for the time of the block; never in the way of what comes after it."""

    def __init__(self, answer: Answer, act: Callable[[], Awaitable[None]]) -> None:
        self._answer = answer
        self._act = act
        self._pieces: list[str] = []
        self._notice = False
        self._more = asyncio.Event()
        self._stopping = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._showing = asyncio.create_task(self._show())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop at once, except for a frame that is about to be through."""
        self._stopping.set()
        self._more.set()
        await asyncio.wait({self._showing}, timeout=_STOP_SECONDS)
        self._showing.cancel()
        await asyncio.wait({self._showing})
        if not self._showing.cancelled():
            self._showing.result()

    def add(self, text: str) -> None:
        """Take some more of the reply."""
        if self._notice:
            self._pieces, self._notice = [], False
        self._pieces.append(text)
        self._more.set()

    def note(self, text: str) -> None:
        """Show what is being done, in the place of what was written; the next words take its own."""
        self._pieces, self._notice = [text], True
        self._more.set()

    async def _show(self) -> None:
        await self._before_the_first_word()
        while not self._stopping.is_set():
            self._more.clear()
            await self._answer.frame("".join(self._pieces))
            await self._due()

    async def _before_the_first_word(self) -> None:
        while not self._more.is_set():
            acting = asyncio.ensure_future(self._act())
            await self._within(_ACTING_SECONDS)
            acting.cancel()

    async def _due(self) -> None:
        """Wait until there is more to show, and a frame may be shown again."""
        await self._within(_DRAFT_SECONDS)
        try:
            async with asyncio.timeout(self._answer.until_frame()):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def _within(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._more.wait()
        except TimeoutError:
            return
