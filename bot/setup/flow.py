"""`goat setup`: show what is configured, choose a model, connect the Telegram bot."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType

from pydantic import SecretStr
from rich.console import Console

from bot.setup.dialogue import Questions, say
from bot.setup.endpoint import place_of
from bot.setup.endpoint_choice import EndpointChoice
from bot.setup.model_choice import ModelChoice
from bot.setup.user_config import Value, write
from bot.setup.wishes import Wishes, checked
from graph.settings.settings import Settings, load_settings
from graph.settings.sources import overriding, user_file
from memory.errors import ConfigError, GoatError

NOTHING = (
    "Nothing was changed: no option says what to. Give --provider and --model, or --telegram-token-file; "
    "in a terminal, without --yes, it asks."
)
_TOKEN_FILE = "--telegram-token-file"  # noqa: S105 - the option, not a token
_TOKEN = "Token of a Telegram bot, from @BotFather (not shown; Enter: none)"  # noqa: S105 - a question


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Change the user's own file part by part; each part is written whole, once it works, or not at all."""

    console: Console
    ask: Questions
    endpoints: EndpointChoice

    async def __call__(self, wishes: Wishes) -> None:
        """Do what the options say and, where somebody is there, what they answer.

        Raises:
            Left: the person leaves; what was written before stays.
            GoatError: nobody is there, and something is missing or wrong.
        """
        settings = load_settings()
        self._show(settings)
        about_bot = wishes.token is not None or bool(wishes.pair)
        if not (self.ask.is_answered or wishes.change_model or about_bot):
            raise ConfigError(NOTHING)
        if await self._changes_model(wishes, settings):
            choice = ModelChoice(
                console=self.console, ask=self.ask, settings=settings, endpoints=self.endpoints
            )
            self._write((await choice(wishes)).values(settings, wishes.context))
        if about_bot or await self._offers_bot(wishes, settings):
            await self._bot(wishes)

    def _show(self, settings: Settings) -> None:
        """Say what holds now; of secrets, only whether they are there."""
        key = "with a key" if settings.model_api_key.get_secret_value() else "without a key"
        model = f"{settings.model} at {place_of(settings.model_base_url)}, {key}"
        bot = "has a token" if settings.telegram_token.get_secret_value() else "none"
        say(self.console, f"Model: {model if settings.model else 'none'}. Telegram bot: {bot}.", "dim")

    async def _changes_model(self, wishes: Wishes, settings: Settings) -> bool:
        if wishes.change_model or not self.ask.is_answered:
            return wishes.change_model
        return not settings.model or await self.ask.agrees("Another model?", "--provider", usual=False)

    async def _offers_bot(self, wishes: Wishes, settings: Settings) -> bool:
        if wishes.telegram is not None or not self.ask.is_answered:
            return bool(wishes.telegram)
        there = bool(settings.telegram_token.get_secret_value())
        return not there or await self.ask.agrees("Another Telegram bot?", _TOKEN_FILE, usual=False)

    async def _bot(self, wishes: Wishes) -> None:
        """Connect a bot, and let its first user in."""
        if wishes.token or not wishes.pair:
            token, name = await self._token(wishes.token)
            if not token:
                say(self.console, "No bot. Later: `goat setup`.", "dim")
                return
            self._write({"telegram_token": token})
            say(self.console, f"The bot is @{name}; `goat telegram` runs it, or `make telegram`.")
        if wishes.pair or (wishes.pair is None and self.ask.is_answered and await self._is_to_pair()):
            await _pairing().run_pair(load_settings(), admin=True)

    async def _is_to_pair(self) -> bool:
        return await self.ask.agrees(
            "Print a code that lets you in, and others through you?", "--pair", usual=True
        )

    async def _token(self, given: SecretStr | None) -> tuple[str, str]:
        """Return a token that Telegram takes, and the bot's name; empty ones when the person gives none."""
        while True:
            try:
                token = given or checked(await self.ask(_TOKEN, _TOKEN_FILE, hidden=True))
                if not token.get_secret_value():
                    return "", ""
                _, name = await _pairing().identify(
                    load_settings().model_copy(update={"telegram_token": token})
                )
            except GoatError as error:
                if not self.ask.is_answered:
                    raise
                say(self.console, str(error), "red")
                given = None
            else:
                return token.get_secret_value(), name

    def _write(self, values: Mapping[str, Value]) -> None:
        """Write settings, and say where another source wins over them."""
        path = write(values)
        say(self.console, f"Written to {path}, which you alone can read.", "green")
        for name, source in overriding(values, user_file()).items():
            say(
                self.console,
                f"But {source} sets {name} as well, and wins here: take it out there for this to hold.",
                "yellow",
            )


def _pairing() -> ModuleType:
    """Import the bot, which takes a second that a model alone need not wait."""
    from bot.telegram.process import pairing  # noqa: PLC0415 - see above

    return pairing
