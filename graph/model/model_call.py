"""One call of the chat model, with its errors and the person's stop."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from langchain_core.messages import AIMessageChunk, AnyMessage, InvalidToolCall, ToolCall
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.tools import BaseTool

from graph.model.chat_model import ChatModel
from graph.model.model_window import ModelWindow
from graph.model.token_meter import TokenMeter
from memory.errors import ModelUnavailable, PromptTooLong
from memory.models import Outcome
from memory.text.text import clean

STOPPED = "Stopped as you asked."


class StopSignals:
    """Stop signals of the running turns, by turn id."""

    def __init__(self) -> None:
        self._events: dict[str, asyncio.Event] = {}

    @contextmanager
    def accept(self, turn_id: str) -> Iterator[None]:
        """Accept stop requests for the turn during the block."""
        self._events[turn_id] = asyncio.Event()
        try:
            yield
        finally:
            del self._events[turn_id]

    def signal(self, turn_id: str) -> asyncio.Event:
        """Return the event that is set when the turn is asked to stop."""
        return self._events.get(turn_id) or asyncio.Event()

    def request(self, turn_id: str) -> None:
        """Ask a running turn to stop; its reply so far is archived."""
        if turn_id in self._events:
            self._events[turn_id].set()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswer:
    """The model's answer."""

    text: str
    outcome: Outcome
    """`ANSWERED`, or `INTERRUPTED` when it ended early."""
    problem: str = ""
    calls: Sequence[ToolCall] = ()
    unreadable: Sequence[InvalidToolCall] = ()
    """Calls whose arguments are not JSON."""
    too_long: bool = False
    """The prompt was refused as too long; `window` has learned from it."""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ModelCall:
    """Calls the model; errors become outcomes."""

    model: ChatModel
    stops: StopSignals
    timeout: float
    window: ModelWindow
    meter: TokenMeter | None = None

    async def __call__(
        self,
        prompt: Sequence[AnyMessage],
        turn_id: str,
        tools: Mapping[str, BaseTool] | None = None,
        *,
        on_text: Callable[[str], None] | None = None,
        message_id: str = "",
        owner: str = "",
    ) -> ModelAnswer:
        """Return the model's answer to `prompt`, or the part before the turn was stopped.

        Args:
            prompt: the messages to send.
            turn_id: the turn whose stop signal ends the call.
            tools: the tools offered, by name.
            on_text: called with each piece of text as it arrives.
            message_id: the message that a server's clients see streaming; "" streams nothing to them.
            owner: who uses the tokens.
        """
        began = time.perf_counter()
        chunks: list[AIMessageChunk] = []
        heard = partial(_append, chunks, on_text)
        too_long = False
        most = await self.window.reply_room(prompt, tools or {})
        stream = self.model.stream(prompt, list((tools or {}).values()), most, message_id)
        try:
            problem = await self._listen(stream, heard, self.stops.signal(turn_id))
        except PromptTooLong as error:
            problem, too_long = str(error), not chunks
            if too_long:
                await self.window.learn(error.refusal, prompt, tools or {}, most)
        whole = add_ai_message_chunks(*chunks) if chunks else AIMessageChunk(content="")
        if self.meter is not None and not too_long:
            self.meter.count(owner, prompt, tools or {}, whole)
        return ModelAnswer(
            text=clean(whole.text),
            outcome=Outcome.INTERRUPTED if problem else Outcome.ANSWERED,
            problem=problem,
            calls=() if problem else tuple(whole.tool_calls),
            unreadable=() if problem else tuple(whole.invalid_tool_calls),
            too_long=too_long,
            seconds=round(time.perf_counter() - began, 3),
        )

    async def _listen(
        self,
        stream: AsyncIterator[AIMessageChunk],
        heard: Callable[[AIMessageChunk], None],
        stop: asyncio.Event,
    ) -> str:
        """Pass on chunks; return why the answer ended early, or "".

        Raises:
            PromptTooLong: the prompt was refused.
        """
        try:
            stopped = await self._collect(stream, heard, stop)
        except PromptTooLong:
            raise
        except ModelUnavailable as error:
            return str(error)
        except TimeoutError:
            return f"The model sent nothing for {self.timeout:g} s (GOAT_MODEL_TIMEOUT)."
        return STOPPED if stopped else ""

    async def _collect(
        self,
        stream: AsyncIterator[AIMessageChunk],
        heard: Callable[[AIMessageChunk], None],
        stop: asyncio.Event,
    ) -> bool:
        """Pass on chunks until the stream ends or `stop` is set; return True when stopped.

        Raises:
            TimeoutError: no chunk came within the time limit.
        """
        stopping = asyncio.ensure_future(stop.wait())
        coming = asyncio.ensure_future(anext(stream, None))
        try:
            while True:
                await asyncio.wait(
                    {coming, stopping}, timeout=self.timeout, return_when=asyncio.FIRST_COMPLETED
                )
                if stop.is_set() or not coming.done():
                    await _abandon(coming)
                    if stop.is_set():
                        return True
                    raise TimeoutError
                chunk = coming.result()
                if chunk is None:
                    return False
                heard(chunk)
                coming = asyncio.ensure_future(anext(stream, None))
        finally:
            stopping.cancel()
            coming.cancel()


def _append(
    chunks: list[AIMessageChunk], on_text: Callable[[str], None] | None, chunk: AIMessageChunk
) -> None:
    chunks.append(chunk)
    if on_text is not None and chunk.text:
        on_text(chunk.text)


async def _abandon(task: "asyncio.Future[AIMessageChunk | None]") -> None:
    """Cancel a read from the model, and wait until its connection is released."""
    task.cancel()
    await asyncio.wait({task})
