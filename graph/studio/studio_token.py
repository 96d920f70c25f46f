"""The token that opens Studio's server, kept where the owner alone can read it."""

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
    """What clients show, and what stands in its place in the address that Studio's page is given."""

    secret: SecretStr

    @classmethod
    def kept_in(cls, folder: Path) -> Self:
        """Read the token of a private folder; made when there is none, or others could have read it.

        Raises:
            ConfigError: it cannot be read or made.
        """
        path = folder / FILE
        try:
            return cls(SecretStr(_read(path) or _made(path)))
        except OSError as error:
            raise ConfigError(
                f"{path} cannot be used: {error.strerror}. Studio's server keeps its token there: remove it, "
                "or choose another folder with GOAT_DATA_FOLDER."
            ) from error

    @property
    def key(self) -> str:
        """Return the first part of the paths that Studio's pages call; of use to those pages alone."""
        digest = hmac.new(self.secret.get_secret_value().encode(), _KEY.encode(), hashlib.sha256)
        return f"{_KEY}{digest.hexdigest()[:_KEY_LENGTH]}"


def _read(path: Path) -> str:
    """Return what stands there; nothing of a file that others could read or write."""
    with contextlib.suppress(FileNotFoundError), path.open(encoding="ascii") as file:
        about = os.fstat(file.fileno())
        if not about.st_mode & _OTHERS and os.geteuid() in {0, about.st_uid}:
            return file.read().strip()
        path.unlink()
    return ""


def _made(path: Path) -> str:
    """Put a new token there, whole; of two that are made at once the first holds."""
    handle, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(_BYTES))
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()
    return path.read_text(encoding="ascii")
