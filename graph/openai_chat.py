"""The chat model behind any OpenAI-compatible endpoint."""

from collections.abc import AsyncIterator, Sequence
from urllib.parse import urlsplit

import httpx2
from langchain_core.messages import AnyMessage
from langchain_openai import ChatOpenAI
from openai import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    DefaultAsyncHttpx2Client,
    OpenAIError,
    Timeout,
)

from graph.settings import Settings
from memory.errors import ModelUnavailable

_CONNECT_SECONDS = 10.0
_KEY = "The key is refused: check GOAT_MODEL_API_KEY."
_CUT_OFF = {
    "": "broke off its answer.",
    "length": "came to the end of its reply's length (GOAT_MODEL_MAX_TOKENS).",
    "content_filter": "was stopped by its vendor's content filter.",
}
"""By the reason for which a reply ended; none is given when the connection ends too early."""
_ADVICE = {
    401: _KEY,
    403: _KEY,
    404: "Check GOAT_MODEL (the name) and GOAT_MODEL_BASE_URL (it usually ends in /v1).",
    429: "Too many requests, or the credit is used up: wait a little.",
}


class OpenAICompatible:
    """OpenAI, DeepSeek, Groq, OpenRouter, Ollama, llama.cpp: whatever speaks the chat completions API."""

    def __init__(self, settings: Settings) -> None:
        self.name = settings.model
        self._timeout = settings.model_timeout
        self._where = f"The model {settings.model} at {_place(settings.model_base_url)}"
        self._http = DefaultAsyncHttpx2Client()
        self._client = ChatOpenAI(
            model=settings.model,
            base_url=settings.model_base_url or None,
            api_key=settings.model_api_key if settings.model_api_key else "none",
            timeout=Timeout(self._timeout, connect=min(self._timeout, _CONNECT_SECONDS)),
            max_completion_tokens=settings.model_max_tokens,
            max_retries=1,
            streaming=True,
            http_async_client=self._http,
        )

    async def stream(self, prompt: Sequence[AnyMessage]) -> AsyncIterator[str]:
        """Yield the reply as it is written.

        Raises:
            ModelUnavailable: it cannot be reached, refuses, or answers nonsense; the text says what to do.
        """
        try:
            ended = ""
            async for chunk in self._client.astream(list(prompt)):
                ended = chunk.response_metadata.get("finish_reason") or ended
                yield chunk.text
        except (OpenAIError, httpx2.HTTPError) as error:
            raise ModelUnavailable(self._explain(error)) from None
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise ModelUnavailable(
                f"{self._where} answered something that is not a chat completion ({type(error).__name__}). "
                "Check GOAT_MODEL_BASE_URL: it usually ends in /v1."
            ) from None
        if ended in _CUT_OFF:
            raise ModelUnavailable(f"{self._where} {_CUT_OFF[ended]}")

    async def ready(self) -> None:
        """Do nothing: what takes time is importing this module."""

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _explain(self, error: OpenAIError | httpx2.HTTPError) -> str:
        match error:
            case APITimeoutError() | httpx2.TimeoutException():
                return f"{self._where} gave no word for {self._timeout:g} s (GOAT_MODEL_TIMEOUT)."
            case APIStatusError(status_code=code):
                return f"{self._where} answered HTTP {code}. {_ADVICE.get(code, '')}".strip()
            case APIConnectionError():
                return f"{self._where} cannot be reached. Is it running, and is GOAT_MODEL_BASE_URL right?"
            case _:
                return f"{self._where} broke off its answer."


def _place(base_url: str) -> str:
    """Return host and port alone: the rest of a URL may hold a password or a key."""
    return urlsplit(base_url).netloc.rpartition("@")[2] if base_url else "OpenAI"
