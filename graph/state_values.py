"""Values of the state that come as plain JSON, as those that were edited in Studio do."""

from collections.abc import Mapping
from functools import cache
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from graph.state import State
from memory.errors import BadState

_MERGED = frozenset({"messages"})
"""Read as values by their own reducer."""


def revived(channel: str, value: Any) -> Any:
    """Return what a key's plain value stands for; a value that is none of JSON's is returned as it is.

    Raises:
        BadState: it stands for nothing that the key may hold; says where it is wrong.
    """
    if channel not in _adapters() or not _is_plain(value):
        return value
    try:
        return _adapters()[channel].validate_python(value)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join([channel, *map(str, one['loc'])])}: {one['msg']}" for one in error.errors()[:3]
        )
        raise BadState(f"This cannot stand in the state: {wrong}. Leave it as it was, or go on.") from None


@cache
def _adapters() -> Mapping[str, TypeAdapter[Any]]:
    hints = get_type_hints(State)
    return {name: TypeAdapter(kind) for name, kind in hints.items() if name not in _MERGED}


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_is_plain, value))
    return value is None or isinstance(value, dict | str | int | float)
