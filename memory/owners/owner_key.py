"""Owner names that are safe for file and collection names."""

import hashlib
import re
import unicodedata


def owner_key(owner: str) -> str:
    """Return a readable, unique and file-safe name for the owner."""
    plain = unicodedata.normalize("NFKD", owner).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:32].strip("-") or "owner"
    return f"{slug}-{hashlib.sha256(encode_owner(owner)).hexdigest()[:24]}"


def encode_owner(owner: str) -> bytes:
    return owner.encode("utf-8", "surrogatepass")
