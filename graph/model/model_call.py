"""The configured chat model, and one call of it with its errors and the person's stop."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from langchain_core.messages import AIMessageChunk, AnyMessage, InvalidToolCall, ToolCall
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.tools import BaseTool

from graph.model.model_window import ModelWindow
from graph.model.token_meter import TokenMeter
from graph.settings.settings import Settings
from memory.errors import ModelUnavailable, PromptTooLong
from memory.models import Outcome
from memory.text.text import clean

if TYPE_CHECKING:
    from graph.model.openai_chat import OpenAICompatible

STOPPED = "Stopped as you asked."


class ChatModel:
    """The model in the settings; its client library is imported on first use."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.name = settings.model
        """Empty when none is configured."""
        self._opened: OpenAICompatible | None = None

    async def stream(
        self,
        prompt: Sequence[AnyMessage],
        tools: Sequence[BaseTool] = (),
        most: int | None = None,
        message_id: str = "",
    ) -> AsyncIterator[AIMessageChunk]:
        """Stream a reply of at most `most` tokens, and its calls of `tools`.

        With a `message_id`, LangGraph streams it as this message to the clients of a server.

        Raises:
            PromptTooLong: the prompt exceeds the context window.
            ModelUnavailable: the endpoint is unreachable, refuses, or answers nonsense; says what to do.
        """
        async for piece in (await self._open()).stream(prompt, tools, most, message_id):
            yield piece

    async def ready(self) -> None:
        """Load everything that the first reply needs, if a model is configured."""
        if self.name:
            await self._open()

    async def _open(self) -> "OpenAICompatible":
        """Make the client once; its library takes over a second to import, off the event loop."""
        if self._opened is None:
            library = await asyncio.to_thread(import_module, "graph.model.openai_chat")
            if self._opened is None:
                self._opened = library.OpenAICompatible(self._settings)
        return self._opened

    async def aclose(self) -> None:
        if self._opened is not None:
            await self._opened.aclose()


class StopSignals:
    """Stop signals of the running turns, by turn id."""

    def __init__(self) -> None:
        self._events: dict[str, asyncio.Event] = {}

    @contextmanager
    def accept(self, *turn_ids: str) -> Iterator[None]:
        """Accept stop requests during the block: one for any of these turns stops all of them."""
        self._events |= dict.fromkeys(turn_ids, asyncio.Event())
        try:
            yield
        finally:
            for turn_id in turn_ids:
                self._events.pop(turn_id, None)

    def signal(self, turn_id: str) -> asyncio.Event:
        """Return the event that is set when the turn is asked to stop."""
        return self._events.get(turn_id) or asyncio.Event()

    def request(self, turn_id: str) -> None:
        """Ask a running turn to stop; its reply so far is archived."""
        if turn_id in self._events:
            self._events[turn_id].set()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswer:
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
            owner: the owner whose tokens are counted.
        """
        began = time.perf_counter()
        chunks: list[AIMessageChunk] = []
        problem, too_long, refused = "", False, False
        most = await self.window.reply_room(prompt, tools or {})
        stream = self.model.stream(prompt, list((tools or {}).values()), most, message_id)
        try:
            if await self._listen(stream, chunks, on_text, self.stops.signal(turn_id)):
                problem = STOPPED
        except PromptTooLong as error:
            problem, too_long = str(error), not chunks
            if too_long:
                await self.window.learn(error.refusal, prompt, tools or {}, most)
        except ModelUnavailable as error:
            problem, refused = str(error), not chunks
        except TimeoutError:
            problem = f"The model sent nothing for {self.timeout:g} s (GOAT_MODEL_TIMEOUT)."
        whole = add_ai_message_chunks(*chunks) if chunks else AIMessageChunk(content="")
        if self.meter is not None and not (too_long or refused):
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
        chunks: list[AIMessageChunk],
        on_text: Callable[[str], None] | None,
        stop: asyncio.Event,
    ) -> bool:
        """Collect chunks until the stream ends or `stop` is set; return True when stopped.

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
                    coming.cancel()
                    await asyncio.wait({coming})  # until the connection is released
                    if stop.is_set():
                        return True
                    raise TimeoutError
                chunk = coming.result()
                if chunk is None:
                    return False
                chunks.append(chunk)
                if on_text is not None and chunk.text:
                    on_text(chunk.text)
                coming = asyncio.ensure_future(anext(stream, None))
        finally:
            stopping.cancel()
            coming.cancel()
