"""Choice of the chat model: its endpoint, its key and its name, tried before it is written."""

import difflib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from pydantic import SecretStr
from rich.console import Console
from rich.text import Text

from bot.printable import show
from bot.setup.dialogue import Questions, SetupCancelled, SetupOptions, parse_secret
from bot.setup.endpoint import (
    LOCAL_SERVERS,
    NO_KEY,
    PROVIDERS,
    Endpoint,
    KeyRefused,
    Provider,
    find_running,
    host_of,
    list_models,
)
from bot.setup.trial import try_model
from bot.setup.user_config import Value
from graph.settings.settings import Settings
from memory.errors import ConfigError, GoatError, ModelUnavailable

_MOST_LISTED = 20
_NEXT_STEP = (
    "Another [k]ey, another [m]odel, another [s]erver, the same [a]gain, or [w]rite it anyway? (Enter: leave)"
)
_UNKNOWN_CONTEXT = "the server does not say; set it with --context if it is small"
_AN_ADDRESS = "an address such as http://host:port/v1"
_OWN_KEY = "GOAT_MODEL_API_KEY"
"""Environment variable with the key of an address that is not a provider's."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A model at an endpoint."""

    endpoint: Endpoint
    model: str = ""
    """Empty if not chosen yet."""

    def values(self, settings: Settings, context: int | None) -> dict[str, Value]:
        """Return the settings to write; another model's configured context is removed."""
        same = settings.model == self.model and settings.model_base_url == self.endpoint.base_url
        if context is None and same:
            context = settings.model_context
        return {
            "model": self.model,
            "model_base_url": self.endpoint.base_url or None,
            "model_api_key": self.endpoint.key.get_secret_value() or None,
            "model_context": context or None,
        }

    def apply_to(self, settings: Settings) -> Settings:
        at, key = self.endpoint.base_url, self.endpoint.key
        return settings.model_copy(update={"model": self.model, "model_base_url": at, "model_api_key": key})


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Finds a working model from the options or by asking."""

    console: Console
    ask: Questions
    settings: Settings
    servers: Sequence[Provider] = LOCAL_SERVERS

    async def __call__(self, options: SetupOptions) -> Offer:
        """Return a model that works, or that the person wants anyway.

        Raises:
            SetupCancelled: the person chose none.
            GoatError: an answer is missing or the model does not work, and no person can answer.
        """
        offer = await self._begin(options)
        while True:
            if not offer.model:
                offer = replace(offer, model=await self._model(offer.endpoint.models))
            problem = await self._problem(offer)
            if not problem:
                return offer
            if not self.ask.interactive:
                raise ModelUnavailable(f"{problem} Nothing was written.")
            show(self.console, problem, "red")
            wanted = (await self.ask(_NEXT_STEP, "")).lower()[:1]
            if wanted == "w":
                return offer
            offer = await self._next_offer(offer, wanted)

    async def _begin(self, options: SetupOptions) -> Offer:
        """Return the endpoint and model of the options, completed from the configuration."""
        if options.provider:
            offer = Offer(await self._resolve(options.provider, options.key))
        elif options.change_model and self.settings.model:
            base_url = self.settings.model_base_url
            endpoint = Endpoint(host_of(base_url), base_url, options.key or self.settings.model_api_key)
            offer = Offer(await self._open(endpoint), self.settings.model)
        else:
            offer = await self._offered()
        return replace(offer, model=options.model or offer.model)

    async def _next_offer(self, offer: Offer, wanted: str) -> Offer:
        match wanted:
            case "":
                raise SetupCancelled
            case "k":
                return replace(offer, endpoint=await self._with_key(offer.endpoint))
            case "m":
                return replace(offer, model="")
            case "s":
                return await self._offered()
            case _:
                return offer

    async def _offered(self) -> Offer:
        """Offer the models on this machine and the providers."""
        with self.console.status("looking for model servers on this machine"):
            found = await find_running(self.servers)
        offers = [Offer(endpoint, model) for endpoint in found for model in endpoint.models]
        self._show_offers(offers)
        while True:
            said = await self.ask("Number, provider or address (Enter: none)", "--provider")
            if not said:
                raise SetupCancelled
            if said.isdecimal() and 0 < int(said) <= len(offers):
                return offers[int(said) - 1]
            try:
                return Offer(await self._resolve(said))
            except GoatError as error:
                show(self.console, str(error), "red")

    async def _resolve(self, name: str, key: SecretStr | None = None) -> Endpoint:
        """Return the endpoint of a provider, server or address."""
        if "://" in name:
            base_url, key = _base(name), key or parse_secret(os.environ.get(_OWN_KEY, ""))
            return await self._open(Endpoint(host_of(base_url), base_url, key))
        known = {one.name: one for one in (*PROVIDERS, *self.servers)}
        if provider := known.get(name.lower()):
            return await self._provider(provider, key)
        close = difflib.get_close_matches(name.lower(), known, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise ConfigError(f"There is no such provider.{hint} Known: {', '.join(known)}; or {_AN_ADDRESS}.")

    async def _provider(self, provider: Provider, key: SecretStr | None) -> Endpoint:
        endpoint = Endpoint(provider.title, provider.base_url, key or NO_KEY)
        if key or not provider.keys_at:
            return await self._open(endpoint)
        if there := os.environ.get(provider.key_name, "").strip():
            show(self.console, f"The key is from {provider.key_name} in the environment.")
            return await self._open(replace(endpoint, key=parse_secret(there)))
        show(self.console, f"Create a key at {provider.keys_at}")
        return await self._open(await self._with_key(endpoint))

    async def _open(self, endpoint: Endpoint) -> Endpoint:
        """Return the endpoint with its models; ask for another key while it is rejected."""
        while True:
            try:
                return replace(endpoint, models=await list_models(endpoint.base_url, endpoint.key))
            except KeyRefused as error:
                if not self.ask.interactive:
                    raise
                show(self.console, str(error), "red")
            endpoint = await self._with_key(endpoint)

    async def _with_key(self, endpoint: Endpoint) -> Endpoint:
        question = f"Key of {endpoint.title} (not shown; Enter: leave)"
        while typed := await self.ask(question, "--key-file", hidden=True):
            try:
                return replace(endpoint, key=parse_secret(typed))
            except ConfigError as error:
                show(self.console, str(error), "red")
        raise SetupCancelled

    async def _problem(self, offer: Offer) -> str:
        """Test a model and print its abilities; return the problem, or ""."""
        where = f"{offer.model} at {offer.endpoint.title}"
        try:
            with self.console.status(Text(f"trying {where}; a model that is not loaded yet takes a while")):
                trial = await try_model(offer.apply_to(self.settings))
        except ModelUnavailable as error:
            return str(error)
        tools = "ok" if trial.calls_tools else "not called: it works without tools, memory included"
        show(self.console, f"{where}:", "bold")
        show(self.console, f"  reply    ok ({trial.seconds:.1f} s)")
        show(self.console, f"  tools    {tools}")
        show(self.console, f"  context  {f'{trial.context:,} tokens' if trial.context else _UNKNOWN_CONTEXT}")
        return ""

    async def _model(self, models: Sequence[str]) -> str:
        """Return the chosen model from the list; without a list any name is accepted."""
        if len(models) == 1:
            return models[0]
        shown = models
        while True:
            self._show_models(models, shown)
            said = await self.ask("Model, by number, name or a part of it (Enter: leave)", "--model")
            if not said:
                raise SetupCancelled
            if said.isdecimal() and 0 < int(said) <= len(models):
                return models[int(said) - 1]
            shown = [name for name in models if said.lower() in name.lower()]
            if said in models or len(shown) < 2:  # noqa: PLR2004 - one is no choice
                return said if said in models or not shown else shown[0]

    def _show_models(self, models: Sequence[str], some: Sequence[str]) -> None:
        for name in some[:_MOST_LISTED]:
            show(self.console, f"{models.index(name) + 1:4}  {name}")
        if len(some) > _MOST_LISTED:
            show(self.console, f"      and {len(some) - _MOST_LISTED} more: write a part of the name", "dim")

    def _show_offers(self, offers: Sequence[Offer]) -> None:
        show(self.console, "Which model should answer?", "bold")
        for number, offer in enumerate(offers, start=1):
            show(self.console, f"{number:4}  {offer.model}  ({offer.endpoint.title} on this machine)")
        if not offers:
            looked = ", ".join(f"{one.title} (port {urlsplit(one.base_url).port})" for one in self.servers)
            show(self.console, f"      No model server runs on this machine; looked for {looked}.", "dim")
        show(self.console, f"      or a provider: {', '.join(one.name for one in PROVIDERS)}")
        show(
            self.console,
            "      or the address of any OpenAI-compatible endpoint, such as http://host:port/v1",
        )


def _base(address: str) -> str:
    """Return an address without a trailing slash, and with a path.

    Raises:
        ConfigError: it names no server.
    """
    address = address.rstrip("/")
    try:
        parts = urlsplit(address)
    except ValueError:  # such as an unclosed bracket
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(f"This address names no server. Write {_AN_ADDRESS}.")
    return address if parts.path else f"{address}/v1"
