"""A counter of what has happened, that can be waited on."""

import asyncio
import contextlib


class Changes:
    """Counts changes and wakes those who wait for the next."""

    def __init__(self) -> None:
        self.version = 0
        self.closed = False
        self._next = asyncio.Event()
        self._closing = asyncio.Event()
        self._interrupted = asyncio.Event()

    def note(self) -> None:
        """Say that something has changed."""
        self.version += 1
        self._next.set()
        self._next = asyncio.Event()

    def close(self) -> None:
        """End every wait, now and from now on."""
        self.closed = True
        self._closing.set()
        self.interrupt()
        self.note()

    async def after(self, version: int, seconds: float) -> int:
        """Wait until more has happened than `version` tells of, at most so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                while self.version <= version and not self.closed:
                    await self._next.wait()
        return self.version

    async def closing(self) -> None:
        """Wait for the end."""
        await self._closing.wait()

    def interrupt(self) -> None:
        """End the pauses that run."""
        self._interrupted.set()
        self._interrupted = asyncio.Event()

    async def pause(self, seconds: float) -> None:
        """Wait so long, or until interrupted or closed."""
        if self.closed:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._interrupted.wait(), seconds)
