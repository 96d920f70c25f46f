"""How many tokens a model holds, asked of the server that serves it."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

_SECONDS = 2.0
_OLLAMA_DEFAULT = 4096
"""Tokens for which Ollama loads a model on a small machine when nobody says otherwise."""
_LISTED = ("max_model_len", "context_length", "top", "context_window", "max_context_length")
"""What the list of models calls it: vLLM and SGLang, OpenRouter and Together, Groq, Mistral; `top` is what
OpenRouter's first provider holds, which may be less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a server tells of a model's context window."""

    tokens: int = 0
    """0: nothing."""
    final: bool = True
    """The server will not tell anything else once the model is loaded."""


async def ask_window(base_url: str, model: str, key: str = "") -> Told:
    """Ask the server at `base_url` how many tokens the model holds; one that cannot be reached tells nothing.

    Addresses of llama.cpp, LM Studio and Ollama are tried where the list of models does not tell, unless it
    comes over https, as vendors' do.
    """
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    base = base_url.rstrip("/")
    is_https = base.startswith("https:")
    try:
        async with (
            asyncio.timeout(_SECONDS),
            httpx.AsyncClient(headers=headers, timeout=_SECONDS, verify=is_https) as http,
        ):
            listed = _named((await _read(http, f"{base}/models")).get("data"), model, "id")
            tokens = _least({**listed, "top": _least(listed.get("top_provider"), "context_length")}, *_LISTED)
            if tokens or (is_https and listed.get("owned_by") != "llamacpp"):
                return Told(tokens=tokens)
            return await _ask_local(http, base.removesuffix("/v1"), listed, model)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError):  # a key that no header takes
        return Told(final=False)


async def _ask_local(http: httpx.AsyncClient, root: str, listed: Mapping[str, Any], model: str) -> Told:
    props, studio, running = await asyncio.gather(
        _read(http, f"{root}/props"), _read(http, f"{root}/api/v0/models"), _read(http, f"{root}/api/ps")
    )
    if tokens := _least(props.get("default_generation_settings"), "n_ctx") or _least(
        listed.get("meta"), "n_ctx", "n_ctx_train"
    ):
        return Told(tokens=tokens)
    if isinstance(studio.get("data"), list):
        tokens = _least(_named(studio["data"], model, "id"), "loaded_context_length")
        return Told(tokens=tokens, final=bool(tokens))
    if isinstance(running.get("models"), list):
        tokens = _least(_named(running["models"], model, "name"), "context_length")
        return Told(tokens=tokens) if tokens else await _ask_ollama(http, root, model)
    return Told()


async def _ask_ollama(http: httpx.AsyncClient, root: str, model: str) -> Told:
    """Ask for a model that is not loaded: its own setting counts, then Ollama's default."""
    response = await http.post(f"{root}/api/show", json={"model": model})
    about = _object(response)
    for line in str(about.get("parameters", "")).splitlines():
        name, _, value = line.strip().partition(" ")
        if name == "num_ctx" and value.strip().isdecimal():
            return Told(tokens=int(value))
    trained = _least(about.get("model_info"), *_context_keys(about.get("model_info")))
    if about.get("remote_model"):
        return Told(tokens=trained)
    return Told(tokens=min(trained or _OLLAMA_DEFAULT, _OLLAMA_DEFAULT), final=False)


def _context_keys(info: Any) -> Iterator[str]:
    yield from (key for key in info if str(key).endswith(".context_length")) if isinstance(info, dict) else ()


async def _read(http: httpx.AsyncClient, url: str) -> Mapping[str, Any]:
    return _object(await http.get(url))


def _object(response: httpx.Response) -> Mapping[str, Any]:
    """Return the JSON object that a server answers with; an empty one for anything else."""
    try:
        value = response.json() if response.is_success else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _named(entries: Any, model: str, key: str) -> Mapping[str, Any]:
    """Return the model's entry in a list; a list of one is of the one that is served, whatever its name."""
    found = [one for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []
    names = {model, f"{model}:latest"}
    mine = [one for one in found if one.get(key) in names or model in (one.get("aliases") or ())]
    return next(iter(mine or (found if len(found) == 1 and key == "id" else [])), {})


def _least(values: Any, *keys: str) -> int:
    """Return the least whole number under the keys; 0 when there is none."""
    given = [values[key] for key in keys if key in values] if isinstance(values, dict) else []
    return min((one for one in given if isinstance(one, int) and one > 0), default=0)
