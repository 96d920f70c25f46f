"""An address that serves models, and the models that it lists."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from bot.setup.providers import LocalServer
from memory.errors import GoatError, ModelUnavailable

OPENAI = "https://api.openai.com/v1"
NO_KEY = SecretStr("")
_ANTHROPIC = "https://api.anthropic.com/"
_NEAR_SECONDS, _FAR_SECONDS = 1.5, 15.0
_NO_CHAT = re.compile(r"embed|rerank|whisper|\btts\b|moderation|dall-e|transcribe", re.IGNORECASE)


class KeyRefused(GoatError):
    """The endpoint does not take the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where models are served, and with which key."""

    title: str
    base_url: str
    """Empty: OpenAI's own."""
    key: SecretStr = NO_KEY
    models: Sequence[str] = field(default=(), compare=False)
    """Those that it lists; none when it lists none."""


def place_of(base_url: str) -> str:
    """Return host and port of an address, without a password that may stand before them."""
    return urlsplit(base_url or OPENAI).netloc.rpartition("@")[2]


async def running(servers: Sequence[LocalServer]) -> list[Endpoint]:
    """Return those of the servers that run on this machine, with their models."""
    async with _client(_NEAR_SECONDS, near=True) as http:
        found = await asyncio.gather(*(_served(http, server) for server in servers))
    return [endpoint for endpoint in found if endpoint is not None]


async def listed(base_url: str, key: SecretStr) -> list[str]:
    """Return the chat models that an endpoint lists; none when it keeps no list.

    Raises:
        KeyRefused: it asks for another key.
        ModelUnavailable: it cannot be reached.
    """
    near = base_url.startswith("http://")
    try:
        async with _client(_FAR_SECONDS, near=near) as http:
            response = await http.get(f"{base_url or OPENAI}/models", headers=_headers(base_url, key))
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise ModelUnavailable(
            f"{place_of(base_url)} cannot be reached ({type(error).__name__}). Check the address, and that "
            "the server runs."
        ) from None
    if response.status_code == httpx.codes.UNAUTHORIZED:
        wrong = "refuses the key" if key.get_secret_value() else "asks for a key"
        raise KeyRefused(f"{place_of(base_url)} {wrong} (HTTP 401). Nothing was written.")
    return _names(response) or []


async def _served(http: httpx.AsyncClient, server: LocalServer) -> Endpoint | None:
    """Ask a port for its models; what does not answer as a model server does is something else."""
    try:
        names = _names(await http.get(f"{server.base_url}/models"))
    except (httpx.HTTPError, ValueError):
        return None
    return None if names is None else Endpoint(title=server.title, base_url=server.base_url, models=names)


def _client(seconds: float, *, near: bool) -> httpx.AsyncClient:
    """Return a client; what is near is not asked through a proxy, nor by TLS."""
    return httpx.AsyncClient(timeout=seconds, verify=not near, trust_env=not near)


def _headers(base_url: str, key: SecretStr) -> dict[str, str]:
    """Return the key as lists of models take it; Anthropic's is not part of its OpenAI-compatible API."""
    if not (secret := key.get_secret_value()):
        return {}
    if base_url.startswith(_ANTHROPIC):
        return {"x-api-key": secret, "anthropic-version": "2023-06-01"}
    return {"Authorization": f"Bearer {secret}"}


def _names(response: httpx.Response) -> list[str] | None:
    """Return the chat models of an answer; None when it is no list of models."""
    try:
        body: Any = response.json() if response.is_success else None
    except ValueError:
        return None
    entries = body.get("data") if isinstance(body, dict) else body  # Together answers with the bare list
    if not isinstance(entries, list):
        return None
    names = [one["id"] for one in entries if isinstance(one, dict) and isinstance(one.get("id"), str)]
    return [name.removeprefix("models/") for name in names if not _NO_CHAT.search(name)]
