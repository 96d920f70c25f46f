"""Options of `goat setup`."""

import sys
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from memory.errors import ConfigError

STDIN = Path("-")


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
        """Whether an option concerns the model."""
        return bool(self.provider or self.key or self.model or self.context is not None)


def read_secret(file: Path | None) -> SecretStr | None:
    """Return the secret in the first line of a file or of stdin; None without a file.

    Raises:
        ConfigError: the file cannot be read, or has no secret.
    """
    if file is None:
        return None
    if file == STDIN and sys.stdin.isatty():
        raise ConfigError(
            "Nothing is piped in for `-`. Without the option, you are asked. Nothing was changed."
        )
    try:
        text = sys.stdin.readline() if file == STDIN else file.read_text(encoding="utf-8").partition("\n")[0]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}. Nothing was changed.") from None
    if not text.strip():
        raise ConfigError(f"The first line of {file} is empty: write the secret there. Nothing was changed.")
    return parse_secret(text)


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
