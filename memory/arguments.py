"""Arguments that a model gives to a tool, made fit to be kept and sent back."""

import json
import math
from collections.abc import Mapping
from typing import Any

from memory.text import clean

DEEPEST, MOST_CHARS = 32, 100_000
_LARGEST = 2**63


class _Unfit(Exception):
    """A value cannot be kept; says why."""


def fit(arguments: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the arguments as every store holds them, and what is wrong; nothing is left of what is."""
    try:
        cleaned = {clean(str(name)): _fit(value, 1) for name, value in arguments.items()}
    except _Unfit as error:
        return {}, f"The arguments cannot be used: {error}."
    if len(json.dumps(cleaned, ensure_ascii=False)) > MOST_CHARS:
        return {}, f"The arguments cannot be used: they have more than {MOST_CHARS} characters."
    return cleaned, ""


def _fit(value: Any, depth: int) -> Any:
    if depth > DEEPEST:
        raise _Unfit(f"they are nested more than {DEEPEST} deep")
    match value:
        case str():
            return clean(value)
        case bool() | None:
            return value
        case int() | float():
            return _fit_number(value)
        case Mapping():
            return {clean(str(name)): _fit(one, depth + 1) for name, one in value.items()}
        case list() | tuple():
            return [_fit(one, depth + 1) for one in value]
    raise _Unfit(f"they hold a {type(value).__name__}")


def _fit_number(value: float) -> float:
    if not math.isfinite(value):
        raise _Unfit("a number is not finite")
    if isinstance(value, int) and abs(value) >= _LARGEST:
        raise _Unfit("a number is too large")
    return value
