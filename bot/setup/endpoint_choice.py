"""Choice of the endpoint: local, a provider's, or any address."""

import difflib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from pydantic import SecretStr
from rich.console import Console

from bot.setup.dialogue import Questions, SetupCancelled, say
from bot.setup.endpoint import NO_KEY, Endpoint, KeyRefused, find_running, host_of, list_models
from bot.setup.options import parse_secret
from bot.setup.providers import LOCAL_SERVERS, PROVIDERS, LocalServer, Provider
from memory.errors import ConfigError, GoatError

Offer = tuple[Endpoint, str]
"""An endpoint and one of its models; the model is empty if not chosen yet."""
_KEY_OPTION = "--key-file"
_OWN_KEY = "GOAT_MODEL_API_KEY"
"""Environment variable with the key of an address that is not a provider's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointChoice:
    """Lets the person choose an endpoint and its key."""

    console: Console
    ask: Questions
    servers: Sequence[LocalServer] = LOCAL_SERVERS
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    async def choose(self) -> Offer:
        """Offer local servers and providers.

        Raises:
            SetupCancelled: the person chose none.
        """
        with self.console.status("looking for model servers on this machine"):
            found = await find_running(self.servers)
        offers = [(endpoint, model) for endpoint in found for model in endpoint.models]
        self._show(offers)
        while True:
            said = await self.ask("Number, provider or address (Enter: none)", "--provider")
            if not said:
                raise SetupCancelled
            if said.isdecimal() and 0 < int(said) <= len(offers):
                return offers[int(said) - 1]
            try:
                return await self.resolve(said), ""
            except GoatError as error:
                say(self.console, str(error), "red")

    async def resolve(self, name: str, key: SecretStr | None = None) -> Endpoint:
        """Return the endpoint of a provider, server or address.

        Raises:
            ConfigError: the name is unknown, or its key is missing.
            KeyRefused, ModelUnavailable: the key is rejected, or the endpoint cannot be reached.
        """
        if "://" in name:
            key = key or parse_secret(self.environ.get(_OWN_KEY, ""))
            return await self.open(Endpoint(title=host_of(name), base_url=_base(name), key=key))
        for provider in PROVIDERS:
            if provider.name == name.lower():
                return await self._provider(provider, key)
        for server in self.servers:
            if server.name == name.lower():
                return await self.open(
                    Endpoint(title=server.title, base_url=server.base_url, key=key or NO_KEY)
                )
        known = [*(one.name for one in PROVIDERS), *(one.name for one in self.servers)]
        close = difflib.get_close_matches(name.lower(), known, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise ConfigError(f"There is no such provider.{hint} Known: {', '.join(known)}; or an address.")

    async def open(self, endpoint: Endpoint) -> Endpoint:
        """Return the endpoint with its models; ask for another key while it is rejected."""
        while True:
            try:
                models = await list_models(endpoint.base_url, endpoint.key)
            except KeyRefused as error:
                if not self.ask.interactive:
                    raise
                say(self.console, str(error), "red")
                endpoint = await self.with_key(endpoint)
            else:
                return replace(endpoint, models=models)

    async def with_key(self, endpoint: Endpoint) -> Endpoint:
        """Ask for an endpoint's key.

        Raises:
            SetupCancelled: the person gave none.
        """
        while True:
            typed = await self.ask(
                f"Key of {endpoint.title} (not shown; Enter: leave)", _KEY_OPTION, hidden=True
            )
            if not typed:
                raise SetupCancelled
            try:
                return replace(endpoint, key=parse_secret(typed))
            except ConfigError as error:
                say(self.console, str(error), "red")

    async def _provider(self, provider: Provider, key: SecretStr | None) -> Endpoint:
        endpoint = Endpoint(title=provider.title, base_url=provider.base_url)
        if key is None and (there := self.environ.get(provider.key_name, "").strip()):
            say(self.console, f"The key is from {provider.key_name} in the environment.")
            key = parse_secret(there)
        if key is None:
            say(self.console, f"Create a key at {provider.keys_at}")
            return await self.open(await self.with_key(endpoint))
        return await self.open(replace(endpoint, key=key))

    def _show(self, offers: Sequence[Offer]) -> None:
        say(self.console, "Which model should answer?", "bold")
        for number, (endpoint, model) in enumerate(offers, start=1):
            say(self.console, f"{number:4}  {model}  ({endpoint.title} on this machine)")
        if not offers:
            looked = ", ".join(f"{server.title} (port {server.port})" for server in self.servers)
            say(self.console, f"      No model server runs on this machine; looked for {looked}.", "dim")
        say(self.console, f"      or a provider: {', '.join(one.name for one in PROVIDERS)}")
        say(
            self.console,
            "      or the address of any OpenAI-compatible endpoint, such as http://host:port/v1",
        )


def _base(address: str) -> str:
    """Return an address without a trailing slash, and with a path."""
    address = address.rstrip("/")
    return address if urlsplit(address).path else f"{address}/v1"
