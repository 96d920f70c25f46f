"""A counter of changes to wait for."""

import asyncio
import contextlib


class Changes:
    """Counts changes and wakes the waiters."""

    def __init__(self) -> None:
        self.version = 0
        self.closed = False
        self._next = asyncio.Event()
        self._closing = asyncio.Event()
        self._interrupted = asyncio.Event()

    def note(self) -> None:
        """Count a change."""
        self.version += 1
        self._next.set()
        self._next = asyncio.Event()

    def close(self) -> None:
        """End all waits, now and later."""
        self.closed = True
        self._closing.set()
        self.interrupt()
        self.note()

    async def after(self, version: int, seconds: float) -> int:
        """Wait for a change after `version`, or until the timeout."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                while self.version <= version and not self.closed:
                    await self._next.wait()
        return self.version

    async def closing(self) -> None:
        """Wait for the end."""
        await self._closing.wait()

    def interrupt(self) -> None:
        """End the current pauses."""
        self._interrupted.set()
        self._interrupted = asyncio.Event()

    async def pause(self, seconds: float) -> None:
        """Wait this long, or until interrupted or closed."""
        if self.closed:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._interrupted.wait(), seconds)
