"""Answers of `goat setup`: given as options, or asked for at the terminal."""

from dataclasses import dataclass

from prompt_toolkit import PromptSession
from prompt_toolkit.layout.processors import PasswordProcessor, Processor
from pydantic import SecretStr

from bot.terminal.terminal_place import is_yes
from memory.errors import ConfigError


class SetupCancelled(Exception):
    """The person ended the dialogue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupOptions:
    """Answers given as options; empty ones are asked for or stay unchanged."""

    provider: str = ""
    """Name of a provider or local server, or an address."""
    key: SecretStr | None = None
    model: str = ""
    context: int | None = None
    """Context in tokens; 0 for the server's own value."""
    telegram: bool | None = None
    token: SecretStr | None = None
    """Token of the Telegram bot."""
    pair: bool | None = None

    @property
    def change_model(self) -> bool:
        """True if an option concerns the model."""
        return bool(self.provider or self.key or self.model or self.context is not None)


@dataclass(frozen=True, slots=True)
class Questions:
    interactive: bool
    """True if a person can answer."""

    async def __call__(self, question: str, option: str, *, hidden: bool = False) -> str:
        """Return the stripped answer; the error names `option`, which answers without a person.

        Raises:
            SetupCancelled: the person pressed Ctrl-C or Ctrl-D.
            ConfigError: no person can answer.
        """
        if not self.interactive:
            raise ConfigError(f"Nobody can be asked here: use {option}. Nothing more was written.")
        try:
            return (await self.read_line(f"{question}: ", hidden=hidden)).strip()
        except (KeyboardInterrupt, EOFError):
            raise SetupCancelled from None

    async def read_line(self, prompt: str, *, hidden: bool) -> str:
        session: PromptSession[str] = PromptSession()
        hiding: list[Processor] = [PasswordProcessor(char="")] if hidden else []
        return await session.prompt_async(prompt, input_processors=hiding)

    async def confirm(self, question: str, option: str, *, usual: bool) -> bool:
        """Ask for yes or no; Enter gives the `usual` answer."""
        said = await self(f"{question} [{'Y/n' if usual else 'y/N'}]", option)
        return is_yes(said) if said else usual


def parse_secret(text: str) -> SecretStr:
    """Return a valid secret.

    Raises:
        ConfigError: it contains characters that no key has.
    """
    secret = text.strip()
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        raise ConfigError(
            "That is not a key or token: it has blanks or special characters. Copy all of it again."
        )
    return SecretStr(secret)
