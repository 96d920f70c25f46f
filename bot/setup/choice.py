"""Choice and test of the chat model."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from bot.setup.dialogue import Questions, SetupCancelled, say
from bot.setup.endpoint import Endpoint, host_of
from bot.setup.endpoint_choice import EndpointChoice, Offer
from bot.setup.options import SetupOptions
from bot.setup.trial import try_model
from bot.setup.user_config import Value
from graph.settings.settings import Settings
from memory.errors import ModelUnavailable

_MOST_LISTED = 20
_NEXT_STEP = (
    "Another [k]ey, another [m]odel, another [s]erver, the same [a]gain, or [w]rite it anyway? (Enter: leave)"
)
_UNKNOWN_CONTEXT = "the server does not say; set it with --context if it is small"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSelection:
    """A chosen model and its endpoint."""

    endpoint: Endpoint
    model: str

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
        """Return `settings` with this model."""
        at, key = self.endpoint.base_url, self.endpoint.key
        return settings.model_copy(update={"model": self.model, "model_base_url": at, "model_api_key": key})


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """Finds a working model from the options or by asking."""

    console: Console
    ask: Questions
    settings: Settings
    endpoints: EndpointChoice

    async def __call__(self, options: SetupOptions) -> ModelSelection:
        """Return a model that works, or that the person wants anyway.

        Raises:
            SetupCancelled: the person chose none.
            GoatError: an answer is missing or the model does not work, and no person can answer.
        """
        endpoint, model = await self._begin(options)
        while True:
            selection = ModelSelection(endpoint=endpoint, model=model or await self._model(endpoint.models))
            problem = await self._problem(selection)
            if not problem:
                return selection
            if not self.ask.interactive:
                raise ModelUnavailable(f"{problem} Nothing was written.")
            say(self.console, problem, "red")
            wanted = (await self.ask(_NEXT_STEP, "")).lower()[:1]
            if wanted == "w":
                return selection
            endpoint, model = await self._next_offer(selection, wanted)

    async def _begin(self, options: SetupOptions) -> Offer:
        """Return the endpoint and model of the options, completed from the configuration."""
        if options.provider:
            return await self.endpoints.resolve(options.provider, options.key), options.model
        if options.change_model and self.settings.model:
            base_url = self.settings.model_base_url
            key = options.key or self.settings.model_api_key
            endpoint = Endpoint(title=host_of(base_url), base_url=base_url, key=key)
            endpoint = await self.endpoints.open(endpoint)
            return endpoint, options.model or self.settings.model
        endpoint, model = await self.endpoints.choose()
        return endpoint, options.model or model

    async def _next_offer(self, selection: ModelSelection, wanted: str) -> Offer:
        match wanted:
            case "":
                raise SetupCancelled
            case "k":
                return await self.endpoints.with_key(selection.endpoint), selection.model
            case "m":
                return selection.endpoint, ""
            case "s":
                return await self.endpoints.choose()
            case _:
                return selection.endpoint, selection.model

    async def _problem(self, selection: ModelSelection) -> str:
        """Test a model and print its abilities; return the problem, or ""."""
        where = f"{selection.model} at {selection.endpoint.title}"
        try:
            with self.console.status(f"trying {where}; a model that is not loaded yet takes a while"):
                trial = await try_model(selection.apply_to(self.settings))
        except ModelUnavailable as error:
            return str(error)
        tools = "ok" if trial.calls_tools else "not called: it works without tools, memory included"
        say(self.console, f"{where}:", "bold")
        say(self.console, f"  reply    ok ({trial.seconds:.1f} s)")
        say(self.console, f"  tools    {tools}")
        say(self.console, f"  context  {f'{trial.context:,} tokens' if trial.context else _UNKNOWN_CONTEXT}")
        return ""

    async def _model(self, models: Sequence[str]) -> str:
        """Return the chosen model from the list; without a list any name is accepted."""
        if len(models) == 1:
            return models[0]
        shown = models
        while True:
            self._show(models, shown)
            said = await self.ask("Model, by number, name or a part of it (Enter: leave)", "--model")
            if not said:
                raise SetupCancelled
            if said.isdecimal() and 0 < int(said) <= len(models):
                return models[int(said) - 1]
            shown = [name for name in models if said.lower() in name.lower()]
            if said in models or len(shown) < 2:  # noqa: PLR2004 - one is no choice
                return said if said in models or not shown else shown[0]

    def _show(self, models: Sequence[str], some: Sequence[str]) -> None:
        for name in some[:_MOST_LISTED]:
            say(self.console, f"{models.index(name) + 1:4}  {name}")
        if len(some) > _MOST_LISTED:
            say(self.console, f"      and {len(some) - _MOST_LISTED} more: write a part of the name", "dim")
