"""Which model is to answer, and whether it works."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from bot.setup.dialogue import Left, Questions, say
from bot.setup.endpoint import Endpoint, place_of
from bot.setup.endpoint_choice import EndpointChoice, Offer
from bot.setup.trial import try_model
from bot.setup.user_config import Value
from bot.setup.wishes import Wishes
from graph.settings.settings import Settings
from memory.errors import ModelUnavailable

_MOST_LISTED = 20
_AGAIN = (
    "Another [k]ey, another [m]odel, another [s]erver, the same [a]gain, or [w]rite it all the same? "
    "(Enter: leave)"
)
_UNTOLD = "the server does not say; --context sets it, where it is small"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A model, and where it is."""

    endpoint: Endpoint
    model: str

    def values(self, settings: Settings, context: int | None) -> dict[str, Value]:
        """Return the settings that name it; a context that was configured for another model goes."""
        same = settings.model == self.model and settings.model_base_url == self.endpoint.base_url
        if context is None and same:
            context = settings.model_context
        return {
            "model": self.model,
            "model_base_url": self.endpoint.base_url or None,
            "model_api_key": self.endpoint.key.get_secret_value() or None,
            "model_context": context or None,
        }

    def applied(self, settings: Settings) -> Settings:
        """Return the settings with this model."""
        at, key = self.endpoint.base_url, self.endpoint.key
        return settings.model_copy(update={"model": self.model, "model_base_url": at, "model_api_key": key})


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """Find a model that works, with the person or by what the options say."""

    console: Console
    ask: Questions
    settings: Settings
    endpoints: EndpointChoice

    async def __call__(self, wishes: Wishes) -> Chosen:
        """Return a model that was tried, or that the person wants all the same.

        Raises:
            Left: the person wants none.
            GoatError: nobody can be asked, and an answer is missing or the model does not work.
        """
        endpoint, model = await self._begin(wishes)
        while True:
            chosen = Chosen(endpoint=endpoint, model=model or await self._model(endpoint.models))
            problem = await self._problem(chosen)
            if not problem:
                return chosen
            if not self.ask.is_answered:
                raise ModelUnavailable(f"{problem} Nothing was written.")
            say(self.console, problem, "red")
            wanted = (await self.ask(_AGAIN, "")).lower()[:1]
            if wanted == "w":
                return chosen
            endpoint, model = await self._changed(chosen, wanted)

    async def _begin(self, wishes: Wishes) -> Offer:
        """Return what the options say, and of what is configured what they leave."""
        if wishes.provider:
            return await self.endpoints.named(wishes.provider, wishes.key), wishes.model
        if wishes.change_model and self.settings.model:
            base_url = self.settings.model_base_url
            key = wishes.key or self.settings.model_api_key
            endpoint = Endpoint(title=place_of(base_url), base_url=base_url, key=key)
            endpoint = await self.endpoints.opened(endpoint)
            return endpoint, wishes.model or self.settings.model
        endpoint, model = await self.endpoints.choose()
        return endpoint, wishes.model or model

    async def _changed(self, chosen: Chosen, wanted: str) -> Offer:
        match wanted:
            case "":
                raise Left
            case "k":
                return await self.endpoints.with_key(chosen.endpoint), chosen.model
            case "m":
                return chosen.endpoint, ""
            case "s":
                return await self.endpoints.choose()
            case _:
                return chosen.endpoint, chosen.model

    async def _problem(self, chosen: Chosen) -> str:
        """Try a model and say what it can do; return what is wrong, if anything is."""
        where = f"{chosen.model} at {chosen.endpoint.title}"
        try:
            with self.console.status(f"trying {where}; a model that is not loaded yet takes a while"):
                trial = await try_model(chosen.applied(self.settings))
        except ModelUnavailable as error:
            return str(error)
        tools = "ok" if trial.calls_tools else "not called: it works without tools, memory included"
        say(self.console, f"{where}:", "bold")
        say(self.console, f"  reply    ok ({trial.seconds:.1f} s)")
        say(self.console, f"  tools    {tools}")
        say(self.console, f"  context  {f'{trial.context:,} tokens' if trial.context else _UNTOLD}")
        return ""

    async def _model(self, models: Sequence[str]) -> str:
        """Return the model that is meant among those that are listed; without a list, any is tried."""
        if len(models) == 1:
            return models[0]
        shown = models
        while True:
            self._show(models, shown)
            said = await self.ask("Model, by number, name or a part of it (Enter: leave)", "--model")
            if not said:
                raise Left
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
