"""What somebody wants of `goat setup`, as far as options say so."""

import sys
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from memory.errors import ConfigError

STDIN = Path("-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """Answers that were given as options; what is empty is asked about, or left as it is."""

    provider: str = ""
    """The name of a provider or of a server on this machine, or an address."""
    key: SecretStr | None = None
    model: str = ""
    context: int | None = None
    """Tokens that the model holds; 0: what its server tells."""
    telegram: bool | None = None
    token: SecretStr | None = None
    """Of the Telegram bot."""
    pair: bool | None = None

    @property
    def change_model(self) -> bool:
        """Say whether an option is about the model."""
        return bool(self.provider or self.key or self.model or self.context is not None)


def secret_in(file: Path | None) -> SecretStr | None:
    """Return the secret in the first line of a file, or of what is piped in; None without a file.

    Raises:
        ConfigError: the file cannot be read, or holds no secret.
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
        raise ConfigError(
            f"The first line of {file} is empty: the secret is to stand there. Nothing was changed."
        )
    return checked(text)


def checked(text: str) -> SecretStr:
    """Return a secret that can be sent.

    Raises:
        ConfigError: it holds what no key holds.
    """
    secret = text.strip()
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        raise ConfigError(
            "That is no key or token: it has blanks or special characters. Copy it again, whole."
        )
    return SecretStr(secret)
