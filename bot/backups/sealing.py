"""Encryption of a backup's chunks with a passphrase, or none."""

import hashlib
import hmac
import os
from base64 import b64decode, b64encode
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from memory.errors import GoatError


class BackupRefused(GoatError):
    """A backup cannot be made, read or restored; says what to do."""


_COST: Final = 2**16
"""Cost of scrypt: 64 MB and a quarter of a second for each guess."""
_NONCE, _KEY = 12, 32
_KNOWN: Final = b"goat-backup"


class Seal:
    """Names and seals chunks; this one leaves them readable."""

    def name(self, content: bytes) -> str:
        """Return a name that only this content has."""
        return hashlib.sha256(content).hexdigest()

    def close(self, content: bytes, name: str) -> bytes:  # noqa: ARG002 - for encryption
        return content

    def open(self, sealed: bytes, name: str) -> bytes:  # noqa: ARG002 - for encryption
        """Return the content that was sealed under this name; raises BackupRefused if it was changed."""
        return sealed


@dataclass(frozen=True, slots=True)
class PassphraseSeal(Seal):
    """Encrypts with ChaCha20-Poly1305 under keys that scrypt derives from a passphrase.

    Names are keyed too, so that they do not tell which contents are in the backup.
    """

    cipher: ChaCha20Poly1305
    naming_key: bytes

    def name(self, content: bytes) -> str:
        return hmac.new(self.naming_key, content, hashlib.sha256).hexdigest()

    def close(self, content: bytes, name: str) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self.cipher.encrypt(nonce, content, name.encode())

    def open(self, sealed: bytes, name: str) -> bytes:
        try:
            return self.cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], name.encode())
        except (InvalidTag, ValueError):  # ValueError: shorter than a nonce
            raise BackupRefused(
                f"The part {name[:12]} of the backup was changed or damaged. Use another copy of the backup."
            ) from None


def new_seal(passphrase: str) -> tuple[Seal, dict[str, Any]]:
    """Return the seal of a new backup folder, and the settings that describe it."""
    if not passphrase:
        return Seal(), {"encrypted": False}
    salt = os.urandom(16)
    seal = _derived(passphrase, salt)
    known = b64encode(seal.close(_KNOWN, "known")).decode("ascii")
    return seal, {"encrypted": True, "salt": b64encode(salt).decode("ascii"), "known": known}


def known_seal(passphrase: str, noted: dict[str, Any]) -> Seal:
    """Return the seal of an existing backup folder.

    Raises:
        BackupRefused: the passphrase is missing, wrong or not needed.
    """
    if not noted["encrypted"]:
        if passphrase:
            raise BackupRefused("This backup is not encrypted. Begin an encrypted one in another folder.")
        return Seal()
    if not passphrase:
        raise BackupRefused("This backup is encrypted. Give its passphrase with --passphrase-file.")
    try:
        salt, known = (b64decode(noted[key]) for key in ("salt", "known"))
    except (LookupError, TypeError, ValueError):
        raise BackupRefused("The settings of this backup are damaged. Use another copy of it.") from None
    # Stripped, too: earlier versions stripped a passphrase that was in a file.
    for secret in filter(None, dict.fromkeys((passphrase, passphrase.strip()))):
        seal = _derived(secret, salt)
        with suppress(BackupRefused):
            seal.open(known, "known")
            return seal
    raise BackupRefused("The passphrase is not the one of this backup.")


def _derived(passphrase: str, salt: bytes) -> PassphraseSeal:
    keys = Scrypt(salt=salt, length=2 * _KEY, n=_COST, r=8, p=1).derive(passphrase.encode())
    return PassphraseSeal(ChaCha20Poly1305(keys[:_KEY]), keys[_KEY:])
