"""The token of Studio's server, in a file that only the owner can read."""

import contextlib
import hashlib
import hmac
import os
import secrets
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import SecretStr

from memory.errors import ConfigError

FILE = "token"
_BYTES = 32
_KEY, _KEY_LENGTH = "studio-", 32
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class StudioToken:
    """The token, and the key derived from it for the URL of Studio's page."""

    secret: SecretStr

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the token in a private folder; a new one is made if it is missing or readable by others.

        Raises:
            ConfigError: it cannot be read or made.
        """
        path = folder / FILE
        try:
            return cls(SecretStr(_read(path) or _create(path)))
        except OSError as error:
            raise ConfigError(
                f"{path} cannot be used: {error.strerror}. Studio's server keeps its token there: remove it, "
                "or choose another folder with GOAT_DATA_FOLDER."
            ) from error

    @property
    def key(self) -> str:
        """First path segment for Studio's pages; accepted from their origins only."""
        digest = hmac.new(self.secret.get_secret_value().encode(), _KEY.encode(), hashlib.sha256)
        return f"{_KEY}{digest.hexdigest()[:_KEY_LENGTH]}"


def _read(path: Path) -> str:
    """Return the token; "" without a file, or after deleting one that others could access."""
    with contextlib.suppress(FileNotFoundError), path.open(encoding="ascii") as file:
        about = os.fstat(file.fileno())
        if not about.st_mode & _OTHERS and os.geteuid() in {0, about.st_uid}:
            return file.read().strip()
        path.unlink()
    return ""


def _create(path: Path) -> str:
    """Write a new token atomically; of two concurrent ones the first wins."""
    handle, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(_BYTES))
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()
    return path.read_text(encoding="ascii")
