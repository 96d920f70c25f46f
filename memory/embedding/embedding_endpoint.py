"""An embedding model behind an OpenAI-compatible endpoint."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from memory.concurrency.http_clients import HttpClients
from memory.embedding.embedding_model import TIER, Span, split_offsets
from memory.errors import TierCorrupt, TierUnavailable
from memory.text.text import clean

PART = 2000  # bytes of UTF-8: an upper bound of the tokens, about four times their number in most languages
TIMEOUT = 20.0  # seconds
BATCH = 64  # texts per request
OPENAI = "https://api.openai.com/v1"
PAUSE = 0.5  # seconds before the second attempt
PASSING = (408, 409, 429)
"""Statuses that are tried again, as all from 500 on."""
REASONS = {
    401: "refuses the key; set GOAT_EMBEDDING_API_KEY",
    403: "refuses the key; set GOAT_EMBEDDING_API_KEY",
    404: "does not know the model or the address; check GOAT_EMBEDDING_MODEL and GOAT_EMBEDDING_BASE_URL",
    429: "asks for fewer requests, or the credit is used up",
}


@dataclass(frozen=True, slots=True)
class EmbeddingEndpoint:
    """Address of the model; its text form omits the key.

    Attributes:
        timeout: seconds.
    """

    model: str
    base_url: str
    api_key: SecretStr
    timeout: float = TIMEOUT

    def __str__(self) -> str:
        host = urlsplit(self.base_url).netloc.rpartition("@")[2] if self.base_url else "api.openai.com"
        return f"the embedding endpoint {host or 'without a host name'}"


class EndpointEmbeddings:
    """Embeddings from an endpoint; queries and documents are treated alike."""

    remote = True

    def __init__(self, endpoint: EmbeddingEndpoint) -> None:
        self._endpoint = endpoint
        self._clients = HttpClients(TIER)
        self._dimension: int | None = None

    @property
    def name(self) -> str:
        """The model's name without the server, because any server makes the same vectors with it."""
        return f"endpoint:{self._endpoint.model}"

    @property
    def dimension(self) -> int | None:
        return self._dimension

    def split_offsets(self, text: str) -> list[Span]:
        """Cover `text` with overlapping half-open spans of at most `PART` bytes."""
        return split_offsets(text, capacity=PART, measure=_bytes)

    async def aembed_query(self, text: str) -> list[float]:
        return (await self.aembed_documents([text]))[0]

    async def aembed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        cut = [_truncate(text) for text in texts]
        batches = [cut[start : start + BATCH] for start in range(0, len(cut), BATCH)]
        return [vector for batch in batches for vector in self._check(await self._ask(batch), len(batch))]

    async def ready(self) -> None:
        await self._clients.client()

    async def aclose(self) -> None:
        await self._clients.aclose()

    async def _ask(self, texts: list[str]) -> httpx.Response:
        """Send one request, and once more if the failure may pass; errors omit the key."""
        for pause in (PAUSE, 0):
            try:
                answer = await self._post(texts)
            except httpx.TimeoutException:
                detail = f"{self._endpoint} did not answer within {self._endpoint.timeout:g} s"
                raise TierUnavailable(TIER, detail) from None
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                advice = "Is it running, and is GOAT_EMBEDDING_BASE_URL right?"
                detail = f"{self._endpoint} cannot be reached ({type(error).__name__}). {advice}"
            else:
                if answer.is_success:
                    return answer
                reason = REASONS.get(answer.status_code, f"answered with status {answer.status_code}")
                detail = f"{self._endpoint} {reason}"
                if not (answer.is_server_error or answer.status_code in PASSING):
                    break
            await asyncio.sleep(pause)
        raise TierUnavailable(TIER, detail)

    async def _post(self, texts: list[str]) -> httpx.Response:
        endpoint, client = self._endpoint, await self._clients.client()
        url = f"{(endpoint.base_url or OPENAI).rstrip('/')}/embeddings"
        body = {"model": endpoint.model, "input": texts, "encoding_format": "float"}
        key = endpoint.api_key.get_secret_value().strip()
        if not (key.isascii() and key.isprintable()):
            detail = "GOAT_EMBEDDING_API_KEY contains characters that a key cannot have; set it again"
            raise TierUnavailable(TIER, detail)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        if client.is_closed:  # an abandoned search, while the agent closes
            raise TierUnavailable(TIER, f"{self._endpoint} is no longer asked: the agent has been closed")
        return await client.post(url, json=body, headers=headers, timeout=endpoint.timeout)

    def _check(self, answer: httpx.Response, expected: int) -> list[list[float]]:
        try:
            vectors = [list(map(float, item["embedding"])) for item in answer.json()["data"]]
        except (KeyError, TypeError, ValueError):
            detail = f"{self._endpoint} answered with something that is not an embedding"
            raise TierCorrupt(TIER, detail) from None
        sizes = {len(vector) for vector in vectors} | ({self._dimension} if self._dimension else set())
        if len(vectors) != expected or len(sizes) > 1 or not all(map(_usable, vectors)):
            got = f"{len(vectors)} vectors of sizes {sorted(sizes)}"
            raise TierCorrupt(TIER, f"{self._endpoint} answered {got} to {expected} texts")
        (self._dimension,) = sizes
        return [_unit(vector) for vector in vectors]


def _usable(vector: Sequence[float]) -> bool:
    length = math.hypot(*vector)
    return math.isfinite(length) and length > 0


def _unit(vector: Sequence[float]) -> list[float]:
    """Scale a vector to unit length, since products with others serve as cosine similarities."""
    length = math.hypot(*vector)
    return [value / length for value in vector]


def _bytes(words: Sequence[str]) -> list[int]:
    return [len(word.encode("utf-8", "replace")) for word in words]


def _truncate(text: str) -> str:
    """Clean and truncate `text`; return "-" if nothing is left, because endpoints reject empty texts."""
    return clean(text[:PART]).strip() or "-"
