"""Client of OpenAI-compatible embedding endpoints. Importing it takes over two seconds."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx
import openai
from langchain_openai import OpenAIEmbeddings
from pydantic import SecretStr

from memory.embedding.embedding_model import TIER, Endpoint
from memory.errors import TierCorrupt, TierUnavailable

BATCH = 64  # texts per request
RETRIES = 1
NO_KEY = SecretStr("none")  # the client requires a key, even if the endpoint does not
REASONS = {
    401: "refuses the key; set GOAT_EMBEDDING_API_KEY",
    403: "refuses the key; set GOAT_EMBEDDING_API_KEY",
    404: "does not know the model or the address; check GOAT_EMBEDDING_MODEL and GOAT_EMBEDDING_BASE_URL",
    429: "asks for fewer requests, or the credit is used up",
}


class OpenAIClient:
    """LangChain's client with timeouts, and errors that do not contain the key."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._http = httpx.Client(timeout=endpoint.timeout)
        self._async_http = httpx.AsyncClient(timeout=endpoint.timeout)
        self._client = OpenAIEmbeddings(
            model=endpoint.model,
            openai_api_base=endpoint.base_url or None,
            openai_api_key=endpoint.api_key if endpoint.api_key.get_secret_value() else NO_KEY,
            check_embedding_ctx_length=False,
            chunk_size=BATCH,
            request_timeout=endpoint.timeout,
            max_retries=RETRIES,
            model_kwargs={"encoding_format": "float"},
            http_client=self._http,
            http_async_client=self._async_http,
        )

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Embed the texts, blocking."""
        with _translate_errors(self._endpoint):
            return self._client.embed_documents(list(texts))

    async def aembed(self, texts: Sequence[str]) -> list[list[float]]:
        """Embed the texts."""
        with _translate_errors(self._endpoint):
            return await self._client.aembed_documents(list(texts))

    async def aclose(self) -> None:
        """Close the connections."""
        self._http.close()
        await self._async_http.aclose()


@contextmanager
def _translate_errors(endpoint: Endpoint) -> Iterator[None]:
    """Raise tier errors without their cause, which may contain the key."""
    try:
        yield
    except openai.APITimeoutError:
        detail = f"{endpoint} did not answer within {endpoint.timeout:g} s"
        raise TierUnavailable(TIER, detail) from None
    except openai.APIConnectionError as error:
        reason = type(error.__cause__ or error).__name__
        advice = "Is it running, and is GOAT_EMBEDDING_BASE_URL right?"
        detail = f"{endpoint} cannot be reached ({reason}). {advice}"
        raise TierUnavailable(TIER, detail) from None
    except openai.APIStatusError as error:
        reason = REASONS.get(error.status_code, f"answered with status {error.status_code}")
        raise TierUnavailable(TIER, f"{endpoint} {reason}") from None
    except (openai.OpenAIError, AttributeError, KeyError, TypeError, ValueError):
        raise TierCorrupt(TIER, f"{endpoint} answered with something that is not an embedding") from None
