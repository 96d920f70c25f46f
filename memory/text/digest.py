"""Hashes that replace a name where it must not be readable."""

import hashlib


def digest(name: str) -> str:
    """Return 32 hexadecimal characters, the same for the same name."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
