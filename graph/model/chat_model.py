"""The chat model, as the turn sees it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Protocol

from langchain_core.messages import AIMessageChunk, AnyMessage
from langchain_core.tools import BaseTool

from graph.settings.settings import Settings

if TYPE_CHECKING:
    from graph.model.openai_chat import OpenAICompatible


class ChatModel(Protocol):
    """What `respond` needs of a chat model."""

    @property
    def name(self) -> str:
        """The model's name; empty when none is configured."""
        ...

    def stream(
        self, prompt: Sequence[AnyMessage], tools: Sequence[BaseTool] = (), most: int | None = None
    ) -> AsyncIterator[AIMessageChunk]:
        """Yield the reply of `most` tokens, and what it asks of `tools`, as it is written.

        Raises:
            PromptTooLong: the prompt does not fit into its context window.
            ModelUnavailable: it cannot be reached, refuses, or answers nonsense; the text says what to do.
        """
        ...

    async def ready(self) -> None:
        """Load what the first reply would wait for."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


class ConfiguredChatModel:
    """The model that the settings name; its client library is imported when it is first asked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened: ChatModel | None = None

    @property
    def name(self) -> str:
        """The model's name; empty when none is configured."""
        return self._settings.model

    async def stream(
        self, prompt: Sequence[AnyMessage], tools: Sequence[BaseTool] = (), most: int | None = None
    ) -> AsyncIterator[AIMessageChunk]:
        """Yield the reply as it is written; see `ChatModel.stream`."""
        async for piece in (await self._open()).stream(prompt, tools, most):
            yield piece

    async def ready(self) -> None:
        """Load what the first reply would wait for, when a model is configured."""
        if self.name:
            await self._open()

    async def _open(self) -> ChatModel:
        """Import the client library (over a second) off the event loop, and make the client, once."""
        if self._opened is None:
            client = await asyncio.to_thread(_client)
            if self._opened is None:
                self._opened = client(self._settings)
        return self._opened

    async def aclose(self) -> None:
        """Close the connections, if there are any."""
        if self._opened is not None:
            await self._opened.aclose()


def _client() -> "type[OpenAICompatible]":
    from graph.model.openai_chat import OpenAICompatible  # noqa: PLC0415 - LangChain's client takes over a second

    return OpenAICompatible
