"""Owners' names where only some characters are allowed."""

import hashlib
import re
import unicodedata


def owner_key(owner: str) -> str:
    """Return a name for the owner that is safe for files and collections, readable, and never another's."""
    plain = unicodedata.normalize("NFKD", owner).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:32].strip("-") or "owner"
    return f"{slug}-{hashlib.sha256(encoded(owner)).hexdigest()[:24]}"


def encoded(owner: str) -> bytes:
    return owner.encode("utf-8", "surrogatepass")
