"""An answer that is made in a separate task, and ends cleanly when its client hangs up."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

from bot.serve.chat_request import Refused
from bot.serve.conversation import Asked
from bot.serve.turn_reply import Completed, Said
from memory.errors import GoatError

_KEEP_ALIVE_SECONDS = 10.0
_STOP_SECONDS = 0.2
logger = logging.getLogger(__name__)


class AnswerTask:
    """Makes one answer; its turn is finished and archived even if nobody listens."""

    def __init__(self, asked: Asked, said: AsyncGenerator[Said, None], stop: Callable[[str], None]) -> None:
        self._asked = asked
        self._stop = stop
        self._heard: asyncio.Queue[Said | GoatError | None] = asyncio.Queue()
        self.task = asyncio.create_task(self._run(said))

    async def listen(self) -> AsyncIterator[Said | None]:
        """Yield the answer as it is made; None after each `_KEEP_ALIVE_SECONDS` without more of it.

        Raises:
            GoatError: the answer failed.
        """
        while True:
            try:
                async with asyncio.timeout(_KEEP_ALIVE_SECONDS):
                    heard = await self._heard.get()
            except TimeoutError:
                yield None
                continue
            if isinstance(heard, GoatError):
                raise heard
            if heard is None:
                return
            yield heard

    async def whole(self) -> Completed:
        """Return the end of the answer."""
        *_, whole = [heard async for heard in self.listen() if isinstance(heard, Completed)]
        return whole

    def hang_up(self) -> None:
        """Stop the turn as soon as possible; what it has written is kept."""
        self._asked.gone.set()

    async def ended(self) -> None:
        """Wait for the end of the answer; stop its turn if the client hangs up."""
        gone = asyncio.create_task(self._asked.gone.wait())
        await asyncio.wait({self.task, gone}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        while not self.task.done():
            self._stop(self._asked.turn_id)
            await asyncio.wait({self.task}, timeout=_STOP_SECONDS)

    async def _run(self, said: AsyncGenerator[Said, None]) -> None:
        try:
            async with aclosing(said):
                async for one in said:
                    self._heard.put_nowait(one)
        except GoatError as error:
            self._heard.put_nowait(error)
        except Exception:  # process edge: the client gets an error, the log has the reason
            logger.exception("An answer failed")
            self._heard.put_nowait(Refused("The answer failed; the reason is in this server's log.", 500))
        finally:
            self._heard.put_nowait(None)
