"""Model providers, model servers of this machine, and the models that an endpoint lists."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from memory.errors import GoatError, ModelUnavailable


class Provider(NamedTuple):
    """A vendor or a local server with an OpenAI-compatible endpoint."""

    name: str
    title: str
    base_url: str
    """Empty for OpenAI."""
    keys_at: str = ""
    """Web page that creates keys; empty for a server that needs none."""

    @property
    def key_name(self) -> str:
        """The usual environment variable of its key."""
        return f"{self.name.upper()}_API_KEY"


def local_server(name: str, title: str, port: int) -> Provider:
    return Provider(name, title, f"http://127.0.0.1:{port}/v1")


PROVIDERS = (
    Provider("openai", "OpenAI", "", "https://platform.openai.com/api-keys"),
    Provider(
        "openrouter", "OpenRouter", "https://openrouter.ai/api/v1", "https://openrouter.ai/settings/keys"
    ),
    Provider(
        "anthropic", "Anthropic", "https://api.anthropic.com/v1", "https://platform.claude.com/settings/keys"
    ),
    Provider(
        "gemini",
        "Google Gemini",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "https://aistudio.google.com/apikey",
    ),
    Provider("mistral", "Mistral", "https://api.mistral.ai/v1", "https://console.mistral.ai/api-keys"),
    Provider("groq", "Groq", "https://api.groq.com/openai/v1", "https://console.groq.com/keys"),
    Provider("deepseek", "DeepSeek", "https://api.deepseek.com/v1", "https://platform.deepseek.com/api_keys"),
    Provider(
        "together", "Together", "https://api.together.xyz/v1", "https://api.together.ai/settings/api-keys"
    ),
    Provider("xai", "xAI", "https://api.x.ai/v1", "https://console.x.ai"),
)
LOCAL_SERVERS = (
    local_server("ollama", "Ollama", 11434),
    local_server("lmstudio", "LM Studio", 1234),
    local_server("llama.cpp", "llama.cpp", 8080),
    local_server("vllm", "vLLM", 8000),
)


OPENAI = "https://api.openai.com/v1"
NO_KEY = SecretStr("")
_ANTHROPIC = "https://api.anthropic.com/"
_NEAR_SECONDS, _FAR_SECONDS = 1.5, 15.0
_NO_CHAT = re.compile(r"embed|rerank|whisper|\btts\b|moderation|dall-e|transcribe", re.IGNORECASE)


class KeyRefused(GoatError):
    """The endpoint rejected the key."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address that serves models, with its key."""

    title: str
    base_url: str
    """Empty for OpenAI."""
    key: SecretStr = NO_KEY
    models: Sequence[str] = field(default=(), compare=False)
    """Listed models; may be empty."""


def host_of(base_url: str) -> str:
    """Return host and port of an address, without credentials."""
    return urlsplit(base_url or OPENAI).netloc.rpartition("@")[2]


async def find_running(servers: Sequence[Provider]) -> list[Endpoint]:
    """Return the servers that run on this machine, with their models."""
    async with _client(_NEAR_SECONDS, near=True) as http:
        found = await asyncio.gather(*(_probe(http, server) for server in servers))
    return [endpoint for endpoint in found if endpoint is not None]


async def list_models(base_url: str, key: SecretStr) -> list[str]:
    """Return the chat models that an endpoint lists; empty if it has no list.

    Raises:
        KeyRefused: the endpoint rejects the key.
        ModelUnavailable: the endpoint cannot be reached.
    """
    near = base_url.startswith("http://")
    try:
        async with _client(_FAR_SECONDS, near=near) as http:
            response = await http.get(f"{base_url or OPENAI}/models", headers=_headers(base_url, key))
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise ModelUnavailable(
            f"{host_of(base_url)} cannot be reached ({type(error).__name__}). Check the address, and that "
            "the server runs."
        ) from None
    if response.status_code == httpx.codes.UNAUTHORIZED:
        wrong = "refuses the key" if key.get_secret_value() else "asks for a key"
        raise KeyRefused(f"{host_of(base_url)} {wrong} (HTTP 401). Nothing was written.")
    return _names(response) or []


async def _probe(http: httpx.AsyncClient, server: Provider) -> Endpoint | None:
    """Return the server's endpoint; None if the port does not answer like a model server."""
    try:
        names = _names(await http.get(f"{server.base_url}/models"))
    except (httpx.HTTPError, ValueError):
        return None
    return None if names is None else Endpoint(server.title, server.base_url, models=names)


def _client(seconds: float, *, near: bool) -> httpx.AsyncClient:
    """Return a client; local servers are contacted without a proxy or TLS verification."""
    return httpx.AsyncClient(timeout=seconds, verify=not near, trust_env=not near)


def _headers(base_url: str, key: SecretStr) -> dict[str, str]:
    """Return the authorization headers; Anthropic's model list is not in its OpenAI-compatible API."""
    if not (secret := key.get_secret_value()):
        return {}
    if base_url.startswith(_ANTHROPIC):
        return {"x-api-key": secret, "anthropic-version": "2023-06-01"}
    return {"Authorization": f"Bearer {secret}"}


def _names(response: httpx.Response) -> list[str] | None:
    """Return the chat models of a response; None if it is not a list of models."""
    try:
        body: Any = response.json() if response.is_success else None
    except ValueError:
        return None
    entries = body.get("data") if isinstance(body, dict) else body  # Together answers with the bare list
    if not isinstance(entries, list):
        return None
    names = [one["id"] for one in entries if isinstance(one, dict) and isinstance(one.get("id"), str)]
    return [name.removeprefix("models/") for name in names if not _NO_CHAT.search(name)]
