"""`goat setup`: show the configuration, choose a model, connect the Telegram bot."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer
from pydantic import SecretStr
from rich.console import Console

from bot.commands.command_app import STDIN, command_settings, first_line
from bot.printable import show
from bot.setup.choice import ModelChoice
from bot.setup.dialogue import Questions, SetupCancelled, SetupOptions, parse_secret
from bot.setup.endpoint import LOCAL_SERVERS, Provider, host_of
from bot.setup.user_config import Value, write
from bot.terminal.terminal_place import is_terminal
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
        show(self.console, f"Model: {model if settings.model else 'none'}. Telegram bot: {bot}.", "dim")

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
                show(self.console, "No bot. Later: `goat setup`.", "dim")
                return
            self._write({"telegram_token": token})
            show(self.console, f"The bot is @{name}; `goat telegram` runs it, or `make telegram`.")
        if options.pair or (options.pair is None and self.ask.interactive and await self._is_to_pair()):
            await _health().run_pair(load_settings(), admin=True)

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
                _, name = await _health().identify(
                    load_settings().model_copy(update={"telegram_token": token})
                )
            except GoatError as error:
                if not self.ask.interactive:
                    raise
                show(self.console, str(error), "red")
                given = None
            else:
                return token.get_secret_value(), name

    def _write(self, values: Mapping[str, Value]) -> None:
        path = write(values)
        show(self.console, f"Written to {path}, which only you can read.", "green")
        for name, source in overriding_sources(values, user_file()).items():
            show(
                self.console,
                f"But {source} also sets {name} and overrides it here: remove it there to use the new value.",
                "yellow",
            )


def _health() -> ModuleType:
    """Import the bot only when needed, because it takes a second."""
    from bot.telegram.process import health  # noqa: PLC0415 - see above

    return health


_LEFT = "Nothing more was changed. Run `goat setup` again to continue."


def setup(  # noqa: PLR0913 - every answer is an option
    *,
    provider: Annotated[
        str, typer.Option(help="Provider (openai), server on this machine (ollama) or address (http://...).")
    ] = "",
    model: Annotated[str, typer.Option(help="Name of the model.")] = "",
    key_file: Annotated[
        Path | None, typer.Option(help="File with the key in its first line; - reads what is piped in.")
    ] = None,
    context: Annotated[
        int | None, typer.Option(min=0, help="The model's context window in tokens; 0: ask its server.")
    ] = None,
    telegram: Annotated[
        bool | None, typer.Option("--telegram/--no-telegram", help="Whether to connect a bot.")
    ] = None,
    telegram_token_file: Annotated[
        Path | None, typer.Option(help="File with the bot's token; - reads what is piped in.")
    ] = None,
    pair: Annotated[
        bool | None, typer.Option("--pair/--no-pair", help="Whether to print a pairing code for you.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; keep what no option sets.")] = False,
) -> None:
    """Choose the chat model and connect the Telegram bot.

    Both are saved in your configuration file. Keys are never given on the command line: type them, name a
    file, or set OPENAI_API_KEY and the like.
    """
    command_settings()
    options = SetupOptions(
        provider=provider,
        key=read_secret(key_file),
        model=model,
        context=context,
        telegram=telegram,
        token=read_secret(telegram_token_file),
        pair=pair,
    )
    if not run_setup(options, asks=not yes):
        raise typer.Exit(1)


def run_setup(options: SetupOptions, *, asks: bool) -> bool:
    """Apply the options, and ask for the rest; return False when the person left early."""
    console = Console(highlight=False, soft_wrap=True)
    try:
        asyncio.run(Setup(console, Questions(interactive=asks and is_terminal()))(options))
    except (SetupCancelled, KeyboardInterrupt):
        show(console, _LEFT, "dim")
        return False
    return True


def read_secret(file: Path | None) -> SecretStr | None:
    """Return the secret in the first line of a file or of stdin; None without a file."""
    if file is None:
        return None
    if file == STDIN and sys.stdin.isatty():
        raise ConfigError(
            "Nothing is piped in for `-`. Without the option, you are asked. Nothing was changed."
        )
    return parse_secret(first_line(file, "secret"))
