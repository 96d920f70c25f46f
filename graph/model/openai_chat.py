"""Client of chat models behind OpenAI-compatible endpoints."""

import logging
import os
import re
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx2
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, AnyMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_openai import ChatOpenAI
from langgraph.constants import TAG_NOSTREAM
from openai import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    BadRequestError,
    DefaultAsyncHttpx2Client,
    OpenAIError,
    Timeout,
)

from graph.settings.settings import Settings
from memory.errors import ModelUnavailable, PromptTooLong
from memory.refusal import Refusal, read_refusal

_CONNECT_SECONDS = 10.0
_KEY = "The key is refused: check GOAT_MODEL_API_KEY."
_CUT_OFF = {
    "": "ended its answer early.",
    "length": "reached the limit of its reply (GOAT_MODEL_MAX_TOKENS) or of its context window "
    "(GOAT_MODEL_CONTEXT).",
    "content_filter": "was stopped by its vendor's content filter.",
}
"""Advice by `finish_reason`; there is none when the connection ends early."""
_ADVICE = {
    401: _KEY,
    403: _KEY,
    404: "Check GOAT_MODEL (the name) and GOAT_MODEL_BASE_URL (it usually ends in /v1).",
    429: "Too many requests, or the credit is used up: wait a little.",
}
_TOO_LONG = (
    "Even the shortest prompt exceeds its context window. Start its server with a larger one "
    "(llama.cpp: -c, vLLM: --max-model-len, Ollama: OLLAMA_CONTEXT_LENGTH, LM Studio: Context Length), or "
    "write a shorter message."
)
_REFUSING = frozenset({400, 413, 422, 500})
"""Statuses that servers use for a prompt that is too long."""
_NO_TOOLS = re.compile(
    r"(?:not|n't) support[^.]{0,40}(?:tool|function)|tools? (?:is|are) not supported", re.IGNORECASE
)
_CAPS = ("max_tokens", "max_completion_tokens")
"""Names of the limit on a reply: the common one, and that of OpenAI's own models.

Mistral refuses the second, Ollama and DeepSeek ignore it; OpenAI's reasoning models refuse the first.
"""
_NO_SUCH = re.compile(r"unsupported|unrecognized|not (?:supported|permitted|allowed)", re.IGNORECASE)
_ROLES = re.compile(r"\brole|alternat", re.IGNORECASE)
_BRIDGE_TEXT = "I have what the tools gave."
_LONGEST_SAID = 200
logger = logging.getLogger(__name__)


class _Client(ChatOpenAI):
    """Streams messages under a given id.

    Prompt and tools are sent unchanged: the SDK searches both for files, which takes several ms.
    """

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        *,
        message_id: str = "",
        **options: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        async for chunk in super()._astream(messages, stop, run_manager, **options):
            chunk.message.id = message_id or None
            yield chunk
        end = AIMessageChunk(content="", id=message_id or None, chunk_position="last")
        yield ChatGenerationChunk(message=end)

    def _get_request_payload(self, *given: Any, **options: Any) -> dict[str, Any]:
        payload = super()._get_request_payload(*given, **options)
        body = {name: payload.pop(name) for name in ("messages", "tools") if name in payload}
        return payload | {"messages": [], "extra_body": body | payload.get("extra_body", {})}


class OpenAICompatible:
    """A chat model behind the chat completions API: OpenAI, DeepSeek, Groq, OpenRouter, Ollama, llama.cpp."""

    def __init__(self, settings: Settings) -> None:
        self.name = settings.model
        self._takes_tools = True
        self._closes_rounds = False
        self._cap, self._cap_names = settings.model_max_tokens, [*_CAPS]
        if not settings.model_base_url:
            self._cap_names.remove(_CAPS[0])
        self._timeout = settings.model_timeout
        # Only host and port: the rest of a URL may contain a password or a key.
        host = urlsplit(settings.model_base_url).netloc.rpartition("@")[2]
        self._where = f"The model {settings.model} at {host if settings.model_base_url else 'OpenAI'}"
        self._http = DefaultAsyncHttpx2Client()
        self._client = _Client(
            model=settings.model,
            base_url=settings.model_base_url or None,
            api_key=settings.model_api_key if settings.model_api_key else "none",
            timeout=Timeout(self._timeout, connect=min(self._timeout, _CONNECT_SECONDS)),
            stream_chunk_timeout=None,  # GOAT_MODEL_TIMEOUT replaces it
            max_retries=1,
            streaming=True,
            # Some other endpoints refuse to report usage; the variable is the SDK's.
            stream_usage=not (settings.model_base_url or os.environ.get("OPENAI_BASE_URL")),
            use_responses_api=False,  # otherwise chosen by model names such as "codex", at any server
            http_async_client=self._http,
        )

    async def stream(
        self, prompt: Sequence[AnyMessage], tools: Sequence[BaseTool], most: int | None, message_id: str
    ) -> AsyncIterator[AIMessageChunk]:
        """Stream a reply; see `ChatModel.stream`.

        Features that an endpoint refuses are not sent again: tools, a user message after tool outputs, the
        name of the reply's limit.
        """
        arranged: list[AnyMessage] = []
        for message in prompt:
            if self._closes_rounds and arranged and arranged[-1].type == "tool" and message.type == "human":
                arranged.append(AIMessage(_BRIDGE_TEXT))  # some templates need one in between
            arranged.append(message)
        try:
            offered = tools if self._takes_tools else ()
            async for chunk in self._stream(arranged, offered, most, message_id):
                yield chunk
        except BadRequestError as error:
            if not self._learn(error, prompt, tools):
                raise ModelUnavailable(self._explain(error)) from None
            async for chunk in self.stream(prompt, tools, most, message_id):
                yield chunk

    def _learn(self, error: BadRequestError, prompt: Sequence[AnyMessage], tools: Sequence[BaseTool]) -> bool:
        """Note the feature that the endpoint refuses; return True when a retry without it may succeed."""
        after_tools = any(message.type == "tool" for message in prompt)
        if after_tools and not self._closes_rounds and _ROLES.search(error.message):
            self._closes_rounds = True
            return True
        if self._cap_names[1:] and self._cap_names[0] in error.message and _NO_SUCH.search(error.message):
            del self._cap_names[0]
            return True
        if tools and self._takes_tools and not after_tools and _NO_TOOLS.search(error.message):
            logger.warning("%s does not support tools; none are sent from now on.", self._where)
            self._takes_tools = False
            return True
        return False

    async def _stream(
        self, prompt: Sequence[AnyMessage], tools: Sequence[BaseTool], most: int | None, message_id: str
    ) -> AsyncIterator[AIMessageChunk]:
        asked: Runnable[LanguageModelInput, Any] = self._client.bind_tools(tools) if tools else self._client
        cap = {self._cap_names[0]: self._cap if most is None else most}
        asked = asked.bind(extra_body=cap, message_id=message_id)
        try:
            ended = ""
            async for chunk in asked.astream(list(prompt), {"tags": [] if message_id else [TAG_NOSTREAM]}):
                ended = chunk.response_metadata.get("finish_reason") or ended
                yield chunk
        except (OpenAIError, httpx2.HTTPError) as error:
            if refusal := _refusal(error):
                raise PromptTooLong(f"{self._explain(error)} {_TOO_LONG}", refusal) from None
            if isinstance(error, BadRequestError):
                raise
            raise ModelUnavailable(self._explain(error)) from None
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
            raise ModelUnavailable(
                f"{self._where} answered something that is not a chat completion ({type(error).__name__}). "
                "Check GOAT_MODEL_BASE_URL: it usually ends in /v1."
            ) from None
        if ended in _CUT_OFF:
            raise ModelUnavailable(f"{self._where} {_CUT_OFF[ended]}")

    async def aclose(self) -> None:
        await self._http.aclose()

    def _explain(self, error: OpenAIError | httpx2.HTTPError) -> str:
        match error:
            case APITimeoutError() | httpx2.TimeoutException():
                return f"{self._where} sent nothing for {self._timeout:g} s (GOAT_MODEL_TIMEOUT)."
            case APIStatusError(status_code=code) as error:
                message = f"{self._where} answered HTTP {code}{_server_message(error)}."
                return f"{message} {_ADVICE.get(code, '')}".strip()
            case APIConnectionError():
                return f"{self._where} cannot be reached. Is it running, and is GOAT_MODEL_BASE_URL right?"
            case _:
                return f"{self._where} ended its answer early."


def _refusal(error: Exception) -> Refusal | None:
    """Return the refusal of a prompt as too long; errors within a stream have no status."""
    code = getattr(error, "status_code", 400)
    return read_refusal(error.message) if isinstance(error, APIError) and code in _REFUSING else None


def _server_message(error: APIStatusError) -> str:
    """Return the server's message on a bad request; other statuses explain themselves."""
    words = " ".join(error.message.split())
    return f" ({words[:_LONGEST_SAID]})" if error.status_code in {400, 422} and words else ""
