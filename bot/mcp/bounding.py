"""A value as JSON that stays within bounds, whatever its size."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import to_jsonable_python

from memory.text import clip

MOST_CHARS = 60_000
_TEXTS = (4000, 1000, 250, 60)
"""Longest texts, tried in turn until the whole fits."""
_ITEMS = (100, 50, 20, 5)
"""Longest lists, beside them."""
_NAMES = 100
"""Of an object."""
_DEEPEST = 12


def bounded(value: Any, said: Callable[[str], str]) -> Any:
    """Return `value` as plain JSON values of about `MOST_CHARS` together; texts pass through `said`."""
    plain = to_jsonable_python(value, fallback=str, serialize_unknown=True)
    shown: Any = None
    for longest, most in zip(_TEXTS, _ITEMS, strict=True):
        shown = _cut(plain, longest, most, _DEEPEST, said)
        if len(json.dumps(shown, ensure_ascii=False)) <= MOST_CHARS:
            break
    return shown


def _cut(value: Any, longest: int, most: int, deep: int, said: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return said(clip(value, longest))
    if not isinstance(value, Mapping | list):
        return value
    if deep == 0:
        return "[... left out here ...]"
    if isinstance(value, Mapping):
        names = list(value)[:_NAMES]
        return {str(name): _cut(value[name], longest, most, deep - 1, said) for name in names}
    cut = [_cut(one, longest, most, deep - 1, said) for one in value[:most]]
    return [*cut, f"[... {len(value) - most} more are left out here ...]"] if len(value) > most else cut
