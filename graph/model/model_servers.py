"""Context windows as model servers report them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

_SECONDS = 2.0
_OLLAMA_DEFAULT = 4096
"""Ollama's default context window on a small machine."""
_LISTED = ("max_model_len", "context_length", "top", "context_window", "max_context_length")
"""Keys of the window in lists of models: vLLM and SGLang, OpenRouter and Together, Groq, Mistral.

`top` is the window of OpenRouter's first provider, which may be smaller.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerWindow:
    tokens: int = 0
    """0: unknown."""
    final: bool = True
    """The value cannot change once the model is loaded."""


async def fetch_window(base_url: str, model: str, key: str = "") -> ServerWindow:
    """Ask the server at `base_url` for the model's context window; 0 when it is unreachable.

    If the list of models lacks it, the URLs of llama.cpp, LM Studio and Ollama are tried, except over https:
    that is a vendor's server.
    """
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    base = base_url.rstrip("/")
    try:
        is_https = httpx.URL(base).scheme == "https"  # in lower case: "HTTPS://" is one too
        async with (
            asyncio.timeout(_SECONDS),
            httpx.AsyncClient(headers=headers, timeout=_SECONDS, verify=is_https) as http,
        ):
            listed = _entry_of((await _read(http, f"{base}/models")).get("data"), model, "id")
            tokens = _least({**listed, "top": _least(listed.get("top_provider"), "context_length")}, *_LISTED)
            if tokens or (is_https and listed.get("owned_by") != "llamacpp"):
                return ServerWindow(tokens=tokens)
            return await _fetch_local(http, base.removesuffix("/v1"), listed, model)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError):  # a key that no header allows
        return ServerWindow(final=False)


async def _fetch_local(
    http: httpx.AsyncClient, root: str, listed: Mapping[str, Any], model: str
) -> ServerWindow:
    props, studio, running = await asyncio.gather(
        _read(http, f"{root}/props"), _read(http, f"{root}/api/v0/models"), _read(http, f"{root}/api/ps")
    )
    if tokens := _least(props.get("default_generation_settings"), "n_ctx") or _least(
        listed.get("meta"), "n_ctx", "n_ctx_train"
    ):
        return ServerWindow(tokens=tokens)
    if isinstance(studio.get("data"), list):
        tokens = _least(_entry_of(studio["data"], model, "id"), "loaded_context_length")
        return ServerWindow(tokens=tokens, final=bool(tokens))
    if isinstance(running.get("models"), list):
        tokens = _least(_entry_of(running["models"], model, "name"), "context_length")
        return ServerWindow(tokens=tokens) if tokens else await _fetch_ollama(http, root, model)
    return ServerWindow()


async def _fetch_ollama(http: httpx.AsyncClient, root: str, model: str) -> ServerWindow:
    """Return the window of a model that is not loaded: its own setting, or Ollama's default."""
    response = await http.post(f"{root}/api/show", json={"model": model})
    about = _object(response)
    for line in str(about.get("parameters", "")).splitlines():
        name, _, value = line.strip().partition(" ")
        if name == "num_ctx" and value.strip().isdecimal():
            return ServerWindow(tokens=int(value))
    info = about.get("model_info")
    keys = (key for key in info if str(key).endswith(".context_length")) if isinstance(info, dict) else ()
    trained = _least(info, *keys)
    if about.get("remote_model"):
        return ServerWindow(tokens=trained)
    return ServerWindow(tokens=min(trained or _OLLAMA_DEFAULT, _OLLAMA_DEFAULT), final=False)


async def _read(http: httpx.AsyncClient, url: str) -> Mapping[str, Any]:
    return _object(await http.get(url))


def _object(response: httpx.Response) -> Mapping[str, Any]:
    """Return the JSON object of a response; {} for anything else."""
    try:
        value = response.json() if response.is_success else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _entry_of(entries: Any, model: str, key: str) -> Mapping[str, Any]:
    """Return the model's entry in a list; a single entry counts under any id."""
    found = [one for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []
    mine = [one for one in found if one.get(key) in (model, f"{model}:latest") or model in _aliases(one)]
    return next(iter(mine or (found if len(found) == 1 and key == "id" else [])), {})


def _aliases(entry: Mapping[str, Any]) -> list[Any]:
    aliases = entry.get("aliases")
    return aliases if isinstance(aliases, list) else []


def _least(values: Any, *keys: str) -> int:
    """Return the least positive integer under the keys; 0 without one."""
    given = [values[key] for key in keys if key in values] if isinstance(values, dict) else []
    return min((one for one in given if isinstance(one, int) and one > 0), default=0)
