"""Ask the model, streaming its reply; without a model, show what was recalled."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from langchain_core.messages import AIMessage, AnyMessage

from graph.chat_model import ChatModel
from graph.state import Reply, RespondUpdate, State
from graph.stop import StopSignals
from graph.turn import reply_id
from memory.errors import ModelUnavailable
from memory.models import Outcome
from memory.prompt import recalled_reply
from memory.text import clean

EMPTY_ANSWER = "The model gave an empty answer. Try again, or put it differently."


@dataclass(frozen=True, slots=True)
class Respond:
    """Answer the turn; whatever the model does, the turn gets a reply with an outcome and goes on."""

    model: ChatModel
    stops: StopSignals
    zone: Callable[[], Awaitable[tzinfo]]
    timeout: Callable[[], float]

    async def __call__(self, state: State) -> RespondUpdate:
        turn = state["turn"]
        if self.model.name:
            reply = await self._ask(state["prompt"], turn.turn_id)
        else:
            text = recalled_reply(state["allocation"].recalled, await self.zone())
            reply = Reply(text=text, outcome=Outcome.RECALLED)
        message = AIMessage(reply.text or reply.problem, id=reply_id(turn.turn_id))
        return {"messages": [message], "reply": reply}

    async def _ask(self, prompt: Sequence[AnyMessage], turn_id: str) -> Reply:
        began = time.perf_counter()
        pieces: list[str] = []
        outcome, problem = Outcome.ANSWERED, ""
        try:
            stopped = await self._collect(self.model.stream(prompt), pieces, self.stops.signal(turn_id))
        except ModelUnavailable as error:
            outcome, problem = Outcome.INTERRUPTED, str(error)
        except TimeoutError:
            outcome = Outcome.INTERRUPTED
            problem = f"The model gave no word for {self.timeout():g} s (GOAT_MODEL_TIMEOUT)."
        else:
            if stopped:
                outcome, problem = Outcome.INTERRUPTED, "Stopped as you asked."
        text = clean("".join(pieces))
        if not text.strip():
            text, outcome, problem = "", Outcome.FAILED, problem or EMPTY_ANSWER
        seconds = round(time.perf_counter() - began, 3)
        return Reply(text=text, outcome=outcome, problem=problem, model=self.model.name, seconds=seconds)

    async def _collect(self, stream: AsyncIterator[str], pieces: list[str], stop: asyncio.Event) -> bool:
        """Append the stream's pieces until it ends or `stop` is set; return whether it was stopped.

        Raises:
            TimeoutError: no piece came within the time limit.
        """
        stopping = asyncio.ensure_future(stop.wait())
        coming = asyncio.ensure_future(anext(stream, None))
        try:
            while True:
                await asyncio.wait(
                    {coming, stopping}, timeout=self.timeout(), return_when=asyncio.FIRST_COMPLETED
                )
                if not coming.done():
                    await _abandon(coming)
                    if stop.is_set():
                        return True
                    raise TimeoutError
                piece = coming.result()
                if piece is None:
                    return False
                pieces.append(piece)
                coming = asyncio.ensure_future(anext(stream, None))
        finally:
            stopping.cancel()
            coming.cancel()


async def _abandon(task: "asyncio.Future[str | None]") -> None:
    """Cancel a read from the model, and wait until its connection is let go."""
    task.cancel()
    await asyncio.wait({task})
