"""Refusals of a model's server to take a prompt that exceeds the context window."""

import re
from dataclasses import dataclass

_TOO_LONG = re.compile(
    r"context[ _](?:length|size|window)"
    r"|(?:prompt|input|inputs|request)\b.{0,80}?(?:too (?:long|large)|exceed|must be <=|must have less than)",
    re.IGNORECASE | re.DOTALL,
)
_NUMBER = r"(\d[\d,]{2,})"
_WINDOW = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"n_ctx\W{{1,4}}{_NUMBER}",
        rf"{_NUMBER} maximum context length",
        rf"context (?:length|size|window)\D{{0,24}}{_NUMBER}",
        rf"(?:<=|less than|> |limit:?|allowed \()\s*{_NUMBER}",
    )
]
_PROMPT = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"n_prompt_tokens\W{{1,4}}{_NUMBER}",
        rf"request \({_NUMBER} tokens\)",
        rf"{_NUMBER} (?:input tokens|tokens from the input|in the messages|of text input)",
        rf"(?:resulted in|too long:|given:|prompt contains|requested tokens|input|count)\s*\(?{_NUMBER}",
    )
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Numbers of a refusal; 0 for those not given."""

    window: int = 0
    """Size of the context window in tokens."""
    prompt: int = 0
    """Tokens of the prompt, as the server counts."""


def read_refusal(text: str) -> Refusal | None:
    """Parse a server's error; None for any other error."""
    if not _TOO_LONG.search(text):
        return None
    return Refusal(window=_first(_WINDOW, text), prompt=_first(_PROMPT, text))


def _first(patterns: list[re.Pattern[str]], text: str) -> int:
    found = next((match for pattern in patterns if (match := pattern.search(text))), None)
    return int(found[1].replace(",", "")) if found else 0
