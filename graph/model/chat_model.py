"""The configured chat model."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from langchain_core.messages import AIMessageChunk, AnyMessage
from langchain_core.tools import BaseTool

from graph.settings.settings import Settings

if TYPE_CHECKING:
    from graph.model.openai_chat import OpenAICompatible


class ChatModel:
    """The model in the settings; its client library is imported on first use."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened: OpenAICompatible | None = None

    @property
    def name(self) -> str:
        """The model's name; empty when none is configured."""
        return self._settings.model

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
            client = await asyncio.to_thread(_client)
            if self._opened is None:
                self._opened = client(self._settings)
        return self._opened

    async def aclose(self) -> None:
        """Close the connections, if any."""
        if self._opened is not None:
            await self._opened.aclose()


def _client() -> "type[OpenAICompatible]":
    from graph.model.openai_chat import OpenAICompatible  # noqa: PLC0415 - LangChain's client takes over a second

    return OpenAICompatible
