"""`goat setup`: show the configuration, choose a model, connect the Telegram bot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

from pydantic import SecretStr
from rich.console import Console

from bot.setup.choice import ModelChoice
from bot.setup.dialogue import Questions, SetupOptions, parse_secret, say
from bot.setup.endpoint import host_of
from bot.setup.providers import LOCAL_SERVERS, Provider
from bot.setup.user_config import Value, write
from graph.settings.settings import Settings
from graph.settings.settings_loader import load_settings
from graph.settings.sources import overriding_sources, user_file
from memory.errors import ConfigError, GoatError

NOTHING = (
    "Nothing was changed: there was no option. Give --provider and --model, or --telegram-token-file; "
    "in a terminal, without --yes, it asks."
)
_TOKEN_FILE = "--telegram-token-file"  # noqa: S105 - the option, not a token
_TOKEN = "Token of a Telegram bot, from @BotFather (not shown; Enter: none)"  # noqa: S105 - a question


@dataclass(frozen=True, slots=True)
class Setup:
    """Changes the user's configuration file in parts; each part is written once it works."""

    console: Console
    ask: Questions
    servers: Sequence[Provider] = LOCAL_SERVERS

    async def __call__(self, options: SetupOptions) -> None:
        """Apply the options, and ask for the rest if a person can answer.

        Raises:
            SetupCancelled: the person left; parts already written stay.
            GoatError: an answer is missing or wrong, and no person can answer.
        """
        settings = load_settings()
        self._show(settings)
        about_bot = options.token is not None or bool(options.pair)
        if not (self.ask.interactive or options.change_model or about_bot):
            raise ConfigError(NOTHING)
        if await self._changes_model(options, settings):
            chosen = await ModelChoice(self.console, self.ask, settings, self.servers)(options)
            self._write(chosen.values(settings, options.context))
        if about_bot or await self._offers_bot(options, settings):
            await self._bot(options)

    def _show(self, settings: Settings) -> None:
        """Print the current configuration, without secrets."""
        key = "with a key" if settings.model_api_key.get_secret_value() else "without a key"
        model = f"{settings.model} at {host_of(settings.model_base_url)}, {key}"
        bot = "has a token" if settings.telegram_token.get_secret_value() else "none"
        say(self.console, f"Model: {model if settings.model else 'none'}. Telegram bot: {bot}.", "dim")

    async def _changes_model(self, options: SetupOptions, settings: Settings) -> bool:
        if options.change_model or not self.ask.interactive:
            return options.change_model
        return not settings.model or await self.ask.confirm("Another model?", "--provider", usual=False)

    async def _offers_bot(self, options: SetupOptions, settings: Settings) -> bool:
        if options.telegram is not None or not self.ask.interactive:
            return bool(options.telegram)
        there = bool(settings.telegram_token.get_secret_value())
        return not there or await self.ask.confirm("Another Telegram bot?", _TOKEN_FILE, usual=False)

    async def _bot(self, options: SetupOptions) -> None:
        if options.token or not options.pair:
            token, name = await self._token(options.token)
            if not token:
                say(self.console, "No bot. Later: `goat setup`.", "dim")
                return
            self._write({"telegram_token": token})
            say(self.console, f"The bot is @{name}; `goat telegram` runs it, or `make telegram`.")
        if options.pair or (options.pair is None and self.ask.interactive and await self._is_to_pair()):
            await _pairing().run_pair(load_settings(), admin=True)

    async def _is_to_pair(self) -> bool:
        return await self.ask.confirm(
            "Print a code that lets you in, and others through you?", "--pair", usual=True
        )

    async def _token(self, given: SecretStr | None) -> tuple[str, str]:
        """Return a valid token and the bot's name; empty if the person gives none."""
        while True:
            try:
                token = given or parse_secret(await self.ask(_TOKEN, _TOKEN_FILE, hidden=True))
                if not token.get_secret_value():
                    return "", ""
                _, name = await _pairing().identify(
                    load_settings().model_copy(update={"telegram_token": token})
                )
            except GoatError as error:
                if not self.ask.interactive:
                    raise
                say(self.console, str(error), "red")
                given = None
            else:
                return token.get_secret_value(), name

    def _write(self, values: Mapping[str, Value]) -> None:
        path = write(values)
        say(self.console, f"Written to {path}, which only you can read.", "green")
        for name, source in overriding_sources(values, user_file()).items():
            say(
                self.console,
                f"But {source} also sets {name} and overrides it here: remove it there to use the new value.",
                "yellow",
            )


def _pairing() -> ModuleType:
    """Import the bot only when needed, because it takes a second."""
    from bot.telegram.process import pairing  # noqa: PLC0415 - see above

    return pairing
